import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Delivery } from '../simulator/hooks/deliveries.js'
import { hookJson, signatureHeaders } from '../simulator/hooks/requests.js'
import type { SimulatorOptions } from '../simulator/simulator.js'
import type { BurstAnswer, BurstRequest } from './children/burst.js'
import type { HookFloorRequest } from './children/hook-floor.js'
import { modelBody } from './parts/bodies.js'
import { startChild } from './parts/child.js'
import { type CpuUse, watchCpu } from './parts/cpu.js'
import { against, median, percentile, print } from './parts/figures.js'
import { createJobs } from './parts/jobs.js'
import { startLoad } from './parts/load.js'
import { withWorld, type World } from './parts/world.js'

const rounds = 3
const distinct = 100
const copies = 10
const connections = 64
const withinMs = 60_000
const withSigningTokens: SimulatorOptions = { version: '19.0' }

interface Burst {
  uuids: string[]
  requests: Uint8Array[]
}

interface Round {
  service: BurstAnswer
  floor: BurstAnswer
  cpu: CpuUse
  effects: { deliveries: number; calls: number; mostForOne: number }
}

/** Each of 100 merge requests is told of ten times, all at once; the first round meets a service that has just started. */
export async function benchWebhooks(): Promise<void> {
  await withWorld(async (world) => {
    const { event, secret, signingToken } = await connectProject(world)
    const child = startChild<BurstRequest, BurstAnswer>(world.build.path('bench/children/burst'))
    world.onClose(child.stop)
    const floorPort = await startHookFloor(world, { mongodbUrl: world.mongod.url, secret })
    const all: Round[] = []
    for (let round = 0; round < rounds; round += 1) {
      const { uuids, requests } = prepare(event, { firstIid: 1000 * (round + 1), signingToken })
      const endCpu = watchCpu({ service: world.service.pid, mongod: world.mongod.pid, load: child.pid })
      const service = await child.ask({ port: world.service.port, connections, requests })
      const cpu = endCpu()
      const effects = await effectsOf(world, uuids)
      const floor = await child.ask({ port: floorPort, connections, requests })
      all.push({ service, floor, cpu, effects })
    }
    printFigures(all, signingToken !== null)
  }, withSigningTokens)
}

/** A project with a report, and an event that GitLab sent of it. */
async function connectProject(world: World) {
  const { simulator, maintainer, service } = world
  const heads = await createJobs(world, { pipelines: 1, jobs: 1 })
  const load = startLoad(world)
  await load.ask({ port: service.port, heads, body: modelBody('train'), uploads: 1 })
  const hook = await soon('the webhook', async () => {
    const isKnown = await world.db.collection('projects').countDocuments({ 'hook.state': 'registered' })
    return isKnown === 1 ? [...simulator.state.hooks.values()][0] : undefined
  })
  const [project] = simulator.state.projects.values()
  const projectId = project?.id ?? 0
  const push = { projectId, userId: maintainer.id, branch: 'told', startBranch: 'main' }
  await simulator.pushFiles({ ...push, files: { 'told.txt': 'told' } })
  const mr = { projectId, sourceBranch: 'told', targetBranch: 'main', title: 'told', userId: maintainer.id }
  await simulator.createMergeRequest(mr)
  const event = await soon('a webhook', async () =>
    simulator.hooks.deliveries.find((one) => one.event === 'merge_requests_events' && one.status === 200),
  )
  return { event, secret: hook.token ?? '', signingToken: hook.signingToken }
}

function startHookFloor({ build, onClose }: World, request: HookFloorRequest): Promise<number> {
  const floor = startChild<HookFloorRequest, number>(build.path('bench/children/hook-floor'))
  onClose(floor.stop)
  return floor.ask(request)
}

function prepare(
  event: Delivery,
  { firstIid, signingToken }: { firstIid: number; signingToken: string | null },
): Burst {
  const uuids = Array.from({ length: distinct }, () => randomUUID())
  const once = uuids.map((uuid, index) => requestOf(event, { iid: firstIid + index, uuid, signingToken }))
  return { uuids, requests: Array.from({ length: copies }, () => once).flat() }
}

function requestOf(
  { url, headers, body }: Delivery,
  { iid, uuid, signingToken }: { iid: number; uuid: string; signingToken: string | null },
): Uint8Array {
  const told = JSON.parse(body)
  told.object_attributes.iid = iid
  const text = hookJson(told)
  const key = randomUUID()
  const timestamp = String(Math.floor(Date.now() / 1000))
  const { host, pathname } = new URL(url)
  const all = {
    Host: host,
    ...headers,
    'Idempotency-Key': key,
    'X-Gitlab-Event-UUID': uuid,
    ...(signingToken !== null && signatureHeaders(signingToken, key, timestamp, text)),
    'Content-Length': Buffer.byteLength(text),
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return Buffer.from([`POST ${pathname} HTTP/1.1`, ...lines, '', text].join('\r\n'))
}

/** What came of the burst: deliveries that were taken for new, and the calls that GitLab was told their names in. */
async function effectsOf({ db, simulator }: World, uuids: string[]): Promise<Round['effects']> {
  await soon('the end of the work', async () => {
    const left = await db.collection('jobs').countDocuments({ type: 'note' })
    return left === 0 ? true : undefined
  })
  const known = new Set(uuids)
  const calls = new Map<string, number>()
  for (const { eventUuid } of simulator.calls) {
    if (eventUuid !== null && known.has(eventUuid)) calls.set(eventUuid, (calls.get(eventUuid) ?? 0) + 1)
  }
  return {
    deliveries: await db.collection('deliveries').countDocuments({ uuid: { $in: uuids }, effect: 'note' }),
    calls: calls.size,
    mostForOne: Math.max(...calls.values()),
  }
}

async function soon<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const endsAt = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > endsAt) throw new Error(`${what} did not come within ${withinMs} ms`)
    await pause(20)
  }
}

function printFigures(all: Round[], isSigned: boolean): void {
  const times = (of: 'service' | 'floor') => all.map((round) => Math.round(round[of].elapsedMs))
  const [slowest, floor] = [Math.max(...times('service')), median(times('floor'))]
  const isExact = all.every(
    ({ effects: { deliveries, calls, mostForOne } }) =>
      deliveries === distinct && calls === distinct && mostForOne === 1,
  )
  print(
    `${distinct * copies} webhooks acknowledged in ${times('service').join(', ')} ms (${against(slowest, { atMost: 1000 })})`,
    `  each p99 ${all.map(({ service }) => percentile(service.latenciesMs, 0.99).toFixed(0)).join(', ')} ms over ${connections} connections, ${isSigned ? 'signed' : 'with the secret'}; answers ${JSON.stringify(all.map((round) => round.service.statuses))}`,
    `  CPU: service ${all.map(({ cpu }) => (cpu.used['service'] ?? 0).toFixed(2)).join(', ')} s, mongod ${all.map(({ cpu }) => (cpu.used['mongod'] ?? 0).toFixed(2)).join(', ')} s`,
    `effects: ${all.map(({ effects: { deliveries, calls, mostForOne } }) => `${deliveries} deliveries and ${calls} calls to GitLab, at most ${mostForOne} for one`).join('; ')}: ${isExact ? 'exact' : 'WRONG'}`,
    `floor, secret and one durable insert each: ${times('floor').join(', ')} ms; ratio ${(median(times('service')) / floor).toFixed(2)}`,
    `others on the machine took ${median(all.map(({ cpu }) => cpu.others)).toFixed(2)} cores`,
  )
}
