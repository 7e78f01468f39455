import type { LoadAnswer } from './children/load.js'
import { modelBody } from './parts/bodies.js'
import { type CpuUse, watchCpu } from './parts/cpu.js'
import { against, joined, median, percentile, print, sum, whole } from './parts/figures.js'
import { startFloor } from './parts/floor.js'
import { createJobs } from './parts/jobs.js'
import { rateOf, refusals, startLoad } from './parts/load.js'
import { storeModels } from './parts/stored-models.js'
import { withWorld, type World } from './parts/world.js'

const warmUpSeconds = 6
const rounds = 3
const roundSeconds = 4
const floorSeconds = 2
const body = modelBody('train')

export interface IngestOptions {
  /** Models that stand in the database before the first upload. */
  stored: number
  /** The share of uploads that are sent again. */
  again: number
}

/** Single models from 32 jobs, each sending its next when the one before is acknowledged. */
export async function benchIngest(options: IngestOptions): Promise<void> {
  await withWorld(async (world) => {
    const heads = await createJobs(world, { pipelines: 8, jobs: 4 })
    const load = startLoad(world)
    const floors = { bare: await startFloor(world), insert: await startFloor(world, world.mongod.url) }
    const sent = new Set<number>()
    const upload = async (seconds: number, again = 0) => {
      const answer = await load.ask({ port: world.service.port, heads, body, seconds, again })
      for (const number of answer.stored) sent.add(number)
      return answer
    }
    const knock = (port: number) => load.ask({ port, heads, body, seconds: floorSeconds })

    await upload(warmUpSeconds)
    if (options.stored > 0) await storeModels(world.db, options.stored)
    for (const port of Object.values(floors)) await knock(port)
    await upload(1, options.again)

    const measured: Measured = { service: [], cpu: [], bare: [], insert: [], loop: { p99Ms: 0, maxMs: 0 } }
    await world.service.loopDelay()
    for (let round = 0; round < rounds; round += 1) {
      const endCpu = watchCpu({ service: world.service.pid, mongod: world.mongod.pid, load: load.pid })
      measured.service.push(await upload(roundSeconds, options.again))
      measured.cpu.push(endCpu())
      measured.bare.push(await knock(floors.bare))
      measured.insert.push(await knock(floors.insert))
    }
    measured.loop = await world.service.loopDelay()
    printFigures(options, measured)
    await printLosses(world, sent)
  })
}

interface Measured {
  service: LoadAnswer[]
  cpu: CpuUse[]
  bare: LoadAnswer[]
  insert: LoadAnswer[]
  loop: { p99Ms: number; maxMs: number }
}

function printFigures({ stored, again }: IngestOptions, measured: Measured): void {
  const { service, cpu, bare, insert, loop } = measured
  const [figure, floor, insertFloor] = [rateOf(service), rateOf(bare), rateOf(insert)]
  const latencies = joined(service.map((run) => run.latenciesMs))
  const p99 = percentile(latencies, 0.99)
  const perThousand = (name: string) =>
    (sum(cpu.map(({ used }) => used[name] ?? 0)) / latencies.length) * 1000
  print(
    `${whole(figure)} models/s (${against(Math.round(figure), { atLeast: stored > 0 ? 3500 : 4000 })})`,
    `  each round ${service.map((run) => whole(rateOf([run]))).join(', ')}${again > 0 ? `; ${again * 100} % were sent again` : ''}${stored > 0 ? `; on top of ${whole(stored)} models` : ''}`,
    `  p50 ${percentile(latencies, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms (${against(p99, { atMost: 25 })})`,
    `  CPU for 1,000 models: service ${perThousand('service').toFixed(3)} s, mongod ${perThousand('mongod').toFixed(3)} s`,
    `  event loop of the service: p99 ${loop.p99Ms} ms, longest ${loop.maxMs} ms`,
    `floor, signature and schema: ${whole(floor)}/s; ratio ${(figure / floor).toFixed(3)} (${against(figure / floor, { atLeast: 0.25 })})`,
    `floor, with one durable insert each: ${whole(insertFloor)}/s, p99 ${percentile(joined(insert.map((run) => run.latenciesMs)), 0.99).toFixed(1)} ms; ratio ${(figure / insertFloor).toFixed(2)}`,
    `others on the machine took ${median(cpu.map((use) => use.others)).toFixed(2)} cores`,
    refusals(service),
  )
}

/** Every number that was acknowledged has to stand in the database, once. */
async function printLosses({ db }: World, sent: Set<number>): Promise<void> {
  const missing = new Set(sent)
  let found = 0
  for await (const { name } of db.collection('models').find({}, { projection: { _id: 0, name: 1 } })) {
    const number = /^model-(\d+)$/.exec(name)?.[1]
    if (number === undefined) continue
    found += 1
    missing.delete(Number(number))
  }
  const verdict = missing.size === 0 && found === sent.size ? 'none lost' : `WRONG: ${missing.size} missing`
  print(`acknowledged ${whole(sent.size)}, stored ${whole(found)}: ${verdict}`)
}
