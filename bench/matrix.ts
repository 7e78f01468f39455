import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { badGateway } from '../simulator/faults.js'
import type { Call } from '../simulator/calls.js'
import type { Job } from '../simulator/state.js'
import { against, print } from './parts/figures.js'
import { withWorld, type World } from './parts/world.js'

const notesRoute = '/projects/:id/merge_requests/:iid/notes'
const latencyMs = 500
const uploadsWithinMs = 2_000
const watchedMs = 15_000
/** The run is over when the note is final and GitLab was not called for this long. */
const quietMs = 2_000

export interface MatrixOptions {
  /** Of the faults; a run each. */
  seeds: number[]
  faults: boolean
  /** Without one, pipelines are polled. */
  hook: boolean
}

interface Run {
  jobs: number
  /** Null: no faults. */
  seed: number | null
  hook: boolean
}

interface Outcome {
  title: string
  notes: number
  writes: number
  /** Without those that faults forced: looking for a note that may be there, and for who we are. */
  calls: number
  forced: number
  /** Notes that were made although the answer was 502. */
  struck: number
  /** Seconds from the last upload until the note shows all models, and until it is final. */
  right: number
  final: number
  lines: string[]
}

/** The jobs of one merge-request pipeline report within two seconds, while every call to GitLab takes half a second. */
export async function benchMatrix({ seeds, faults, hook }: MatrixOptions): Promise<void> {
  await withWorld(async (world) => {
    const outcomes: Outcome[] = []
    for (const seed of seeds)
      outcomes.push(await runMatrix(world, { jobs: 100, seed: faults ? seed : null, hook }))
    printOutcomes(outcomes, await runMatrix(world, { jobs: 2, seed: null, hook }))
  })
}

async function runMatrix(world: World, { jobs, seed, hook }: Run): Promise<Outcome> {
  const { simulator } = world
  const { projectId, mrIid } = await prepare(world, { jobs, hook })
  simulator.clearCalls()
  simulator.faults.add({ route: /^\/api\/v4/, delayMs: latencyMs })
  const fault = seed === null ? null : simulator.faults.add({ ...unsure, seed })
  const names = Array.from({ length: jobs }, (_, index) => ({ name: `train: [${index}]` }))
  const pipeline = simulator.createPipeline({ projectId, mrIid, jobs: names })
  const body = () => simulator.listNotes(projectId, mrIid)[0]?.body ?? ''
  const right = watch(() => body().includes(`${jobs} better`))
  const final = watch(() => body().includes(`${jobs} better`) && !body().includes('so far'))
  await Promise.all(
    pipeline.jobs.map((job, index) => reportLater(world, job, index, (index / (jobs - 1)) * uploadsWithinMs)),
  )
  const uploadedAt = performance.now()
  const [rightAt, finalAt] = [await right, await final]
  await watch(() => Date.now() - Number(simulator.calls.at(-1)?.at ?? 0) > quietMs)
  simulator.faults.clear()
  const forced = simulator.calls.filter(isForced).length
  return {
    title: `${jobs} jobs, ${seed === null ? 'no faults' : `faults of seed ${seed}`}`,
    notes: simulator.listNotes(projectId, mrIid).length,
    // The commit status is one call more.
    writes: simulator.calls.filter(({ method, route }) => method !== 'GET' && route.startsWith(notesRoute))
      .length,
    calls: simulator.calls.length - forced,
    forced,
    struck: fault?.hits() ?? 0,
    right: (rightAt - uploadedAt) / 1000,
    final: (finalAt - uploadedAt) / 1000,
    lines: describe(simulator.calls, uploadedAt),
  }
}

const unsure = { method: 'POST', route: notesRoute, probability: 0.1, answerAfterEffect: badGateway }

function isForced({ method, route }: Call): boolean {
  return method === 'GET' && (route === '/user' || route === notesRoute)
}

/** What GitLab compiles of the project's configuration, without the time that compiling takes here. */
function compiledCi({ service }: World, projectId: number) {
  const train = { id_tokens: { MLMM_ID_TOKEN: { aud: service.url } }, script: 'make' }
  const body = { valid: true, errors: [], warnings: [], merged_yaml: JSON.stringify({ train }), jobs: [] }
  return { route: new RegExp(`/projects/${projectId}/ci/lint`), status: 200, body }
}

/** A project whose main branch has every model, and a merge request. GitLab is quick meanwhile. */
async function prepare(world: World, { jobs, hook }: Pick<Run, 'jobs' | 'hook'>) {
  const { simulator, maintainer } = world
  const project = await world.createProject(`research/matrix-${randomUUID()}`, hook ? 40 : 30)
  simulator.faults.add(compiledCi(world, project.id))
  const main = simulator.createPipeline({
    projectId: project.id,
    sha: project.head,
    ref: 'main',
    jobs: [{ name: 'train' }],
  })
  for (const job of main.jobs) await report(world, job, numbers(jobs), 0.8)
  if (hook) await until(() => [...simulator.state.hooks.values()].some((one) => one.projectId === project.id))
  for (const job of main.jobs) simulator.setJobStatus(job.id, 'success')
  await until(() => simulator.calls.some((call) => call.path.includes(`/pipelines/${main.id}/jobs`)))
  const push = { projectId: project.id, userId: maintainer.id, branch: 'tune', startBranch: 'main' }
  await simulator.pushFiles({ ...push, files: { 'tune.txt': 'faster' } })
  const mr = await simulator.createMergeRequest({
    projectId: project.id,
    sourceBranch: 'tune',
    targetBranch: 'main',
    title: 'Tune',
    userId: maintainer.id,
  })
  await simulator.settled()
  // Its webhook makes the service ask for it once.
  await until(
    () =>
      !hook || simulator.calls.some((call) => /\/merge_requests\/1\?/.test(call.path) && call.status === 200),
  )
  return { projectId: project.id, mrIid: mr.iid }
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

/** A job trains, reports from its `after_script`, and ends. */
async function reportLater(world: World, job: Job, index: number, delayMs: number): Promise<void> {
  await pause(delayMs)
  world.simulator.setJobStatus(job.id, 'running')
  await report(world, job, [index], 0.9)
  world.simulator.setJobStatus(job.id, 'success')
}

async function report({ simulator, service }: World, job: Job, models: number[], accuracy: number) {
  const answer = await fetch(`${service.url}/api/v1/reports`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${simulator.idToken({ jobId: job.id, aud: service.url })}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      job: { name: job.name, status: 'success' },
      models: models.map((index) => ({ name: `model-${index}`, dataset: 'iris', results: { accuracy } })),
    }),
  })
  if (answer.status !== 202) throw new Error(`${job.name}: ${answer.status} ${await answer.text()}`)
}

/** When `condition` came true, on the monotonic clock; Infinity if it did not while the run was watched. */
async function watch(condition: () => boolean): Promise<number> {
  const endsAt = performance.now() + watchedMs
  while (performance.now() < endsAt) {
    if (condition()) return performance.now()
    await pause(10)
  }
  return Number.POSITIVE_INFINITY
}

async function until(condition: () => boolean): Promise<void> {
  if (!Number.isFinite(await watch(condition))) throw new Error('The project was not connected in time')
}

function printOutcomes(outcomes: Outcome[], pair: Outcome): void {
  const worst = (value: (outcome: Outcome) => number) => Math.max(...outcomes.map(value))
  const [notes, writes, calls, right] = [
    worst((one) => one.notes),
    worst((one) => one.writes - one.struck),
    worst((one) => one.calls),
    worst((one) => one.right),
  ]
  print(
    `100 jobs: ${notes} note (${against(notes, { atMost: 1 })}), ${writes} writes (${against(writes, { atMost: 2 })}), ${calls} calls (${against(calls, { atMost: 10 })}), right after ${right.toFixed(2)} s (${against(right, { atMost: 3 })}); the worst of ${outcomes.length} runs`,
    `floor, 2 jobs: ${pair.writes} writes, ${pair.calls} calls, right after ${pair.right.toFixed(2)} s; ratio of calls ${(calls / pair.calls).toFixed(2)}, of seconds ${(right / pair.right).toFixed(2)}`,
  )
  for (const one of [...outcomes, pair]) {
    print(
      `${one.title}: ${one.notes} note, ${one.writes} writes, ${one.calls} calls and ${one.forced} forced by ${one.struck} faults; right after ${one.right.toFixed(2)} s, final after ${one.final.toFixed(2)} s`,
      ...one.lines,
    )
  }
}

function describe(calls: Call[], uploadedAt: number): string[] {
  return calls.map((call) => {
    const seconds = (call.at.getTime() - performance.timeOrigin - uploadedAt) / 1000
    return `  ${seconds.toFixed(2).padStart(6)} s  ${call.method} ${call.path.slice(0, 100)} ${call.status ?? '…'}`
  })
}
