import type { LoadAnswer } from './children/load.js'
import { reportBody } from './parts/bodies.js'
import { watchCpu } from './parts/cpu.js'
import { against, joined, percentile, print } from './parts/figures.js'
import { startFloor } from './parts/floor.js'
import { createJobs } from './parts/jobs.js'
import { refusals, startLoad } from './parts/load.js'
import { withWorld } from './parts/world.js'

const models = 500
const warmUps = 15
const rounds = 10
const perRound = 3

/** Reports of 500 models, one after the other. */
export async function benchReport(): Promise<void> {
  await withWorld(async (world) => {
    const heads = await createJobs(world, { pipelines: 1, jobs: 1 })
    const body = reportBody('train', models)
    const load = startLoad(world)
    const floor = await startFloor(world)
    const upload = (port: number, uploads: number) => load.ask({ port, heads, body, uploads })

    for (const port of [world.service.port, floor]) await upload(port, warmUps)
    const endCpu = watchCpu({ service: world.service.pid, mongod: world.mongod.pid, load: load.pid })
    const service: LoadAnswer[] = []
    const bare: LoadAnswer[] = []
    for (let round = 0; round < rounds; round += 1) {
      service.push(await upload(world.service.port, perRound))
      bare.push(await upload(floor, perRound))
    }

    const { others } = endCpu()
    const times = joined(service.map((run) => run.latenciesMs))
    const floorTimes = joined(bare.map((run) => run.latenciesMs))
    const [figure, floorFigure] = [percentile(times, 0.5), percentile(floorTimes, 0.5)]
    print(
      `${figure.toFixed(1)} ms for a report of ${models} models (${against(figure, { atMost: 60 })}); p95 ${percentile(times, 0.95).toFixed(1)} ms`,
      `floor, signature and schema: ${floorFigure.toFixed(1)} ms; ratio ${(figure / floorFigure).toFixed(2)}`,
      `others on the machine took ${others.toFixed(2)} cores`,
      refusals(service),
    )
  })
}
