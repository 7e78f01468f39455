import type { LoadAnswer } from './children/load.js'
import { curvesBody } from './parts/bodies.js'
import { type CpuUse, watchCpu } from './parts/cpu.js'
import { against, joined, median, percentile, print, sum, whole } from './parts/figures.js'
import { startFloor } from './parts/floor.js'
import { createJobs } from './parts/jobs.js'
import { rateOf, refusals, startLoad } from './parts/load.js'
import { withWorld } from './parts/world.js'

const curves = 5
const points = 2_000
const warmUpSeconds = 5
const rounds = 3
const roundSeconds = 4
const floorSeconds = 2

/** Uploads of 10,000 points of curves in JSON from 8 jobs. */
export async function benchCurves(): Promise<void> {
  await withWorld(async (world) => {
    const heads = await createJobs(world, { pipelines: 2, jobs: 4 })
    const body = curvesBody('train', { curves, points })
    const load = startLoad(world)
    const floor = await startFloor(world)
    const upload = (port: number, seconds: number) => load.ask({ port, heads, body, seconds })

    await upload(world.service.port, warmUpSeconds)
    await upload(floor, floorSeconds)
    const service: LoadAnswer[] = []
    const cpu: CpuUse[] = []
    const bare: LoadAnswer[] = []
    const loops: { p99Ms: number; maxMs: number }[] = []
    for (let round = 0; round < rounds; round += 1) {
      await world.service.loopDelay()
      const endCpu = watchCpu({ service: world.service.pid, mongod: world.mongod.pid, load: load.pid })
      service.push(await upload(world.service.port, roundSeconds))
      cpu.push(endCpu())
      loops.push(await world.service.loopDelay())
      bare.push(await upload(floor, floorSeconds))
    }

    const perUpload = curves * points
    const [figure, floorFigure] = [rateOf(service) * perUpload, rateOf(bare) * perUpload]
    const latencies = joined(service.map((run) => run.latenciesMs))
    const loopP99 = median(loops.map((loop) => loop.p99Ms))
    const perMillion = (name: string) =>
      (sum(cpu.map(({ used }) => used[name] ?? 0)) / (latencies.length * perUpload)) * 1e6
    print(
      `${whole(figure)} points/s (${against(Math.round(figure), { atLeast: 2_500_000 })})`,
      `  event loop of the service: p99 ${loopP99} ms (${against(loopP99, { atMost: 10 })}), longest ${Math.max(...loops.map((loop) => loop.maxMs))} ms`,
      `  p50 ${percentile(latencies, 0.5).toFixed(1)} ms, p99 ${percentile(latencies, 0.99).toFixed(1)} ms an upload of ${whole(perUpload)} points, ${whole(body.length)} bytes`,
      `  CPU for a million points: service ${perMillion('service').toFixed(3)} s, mongod ${perMillion('mongod').toFixed(3)} s`,
      `floor, signature and schema: ${whole(floorFigure)} points/s; ratio ${(figure / floorFigure).toFixed(3)}`,
      `others on the machine took ${median(cpu.map((use) => use.others)).toFixed(2)} cores`,
      refusals(service),
    )
  })
}
