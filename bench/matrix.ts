import { setTimeout as pause } from 'node:timers/promises'
import { badGateway } from '../simulator/faults.js'
import type { Call } from '../simulator/calls.js'
import type { Job } from '../simulator/state.js'
import { against, median, print } from './parts/figures.js'
import { withWorld, type World } from './parts/world.js'

const notesRoute = '/projects/:id/merge_requests/:iid/notes'
const latencyMs = 500
const uploadsWithinMs = 2_000
const watchedMs = 12_000

export interface MatrixOptions {
  /** Runs with faults of these seeds. */
  seeds: number[]
  faults: boolean
}

interface Outcome {
  title: string
  notes: number
  writes: number
  calls: number
  /** Writes that were answered 502 though they took effect. */
  struck: number
  /** Seconds from the last upload until the note shows all models; and until it is final. */
  right: number
  final: number
  lines: string[]
}

/** The jobs of one merge-request pipeline report within two seconds, while every call to GitLab takes half a second. */
export async function benchMatrix({ seeds, faults }: MatrixOptions): Promise<void> {
  await withWorld(async (world) => {
    const outcomes: Outcome[] = []
    for (const seed of seeds) outcomes.push(await runMatrix(world, { jobs: 100, seed, faults }))
    const pair = await runMatrix(world, { jobs: 2, seed: 0, faults: false })
    printOutcomes(outcomes, pair)
  })
}

interface Run {
  jobs: number
  seed: number
  faults: boolean
}

async function runMatrix(world: World, { jobs, seed, faults }: Run): Promise<Outcome> {
  const { simulator } = world
  const { projectId, mrIid } = await prepare(world, { jobs, seed })
  simulator.clearCalls()
  simulator.faults.add({ route: /^\/api\/v4/, delayMs: latencyMs })
  const fault = faults
    ? simulator.faults.add({
        method: 'POST',
        route: notesRoute,
        probability: 0.1,
        seed,
        answerAfterEffect: badGateway,
      })
    : null
  const names = Array.from({ length: jobs }, (_, index) => ({ name: `train: [${index}]` }))
  const pipeline = simulator.createPipeline({ projectId, mrIid, jobs: names })
  const startedAt = performance.now()
  const body = () => simulator.listNotes(projectId, mrIid)[0]?.body ?? ''
  const watched = watch(() => body().includes(`${jobs} better`))
  const finished = watch(() => body().includes(`${jobs} better`) && !body().includes('so far'))
  await Promise.all(
    pipeline.jobs.map((job, index) => reportLater(world, job, index, (index / jobs) * uploadsWithinMs)),
  )
  const uploadedAt = performance.now()
  const [rightAt, finalAt] = await Promise.all([watched, finished])
  await pause(Math.max(0, startedAt + watchedMs - performance.now()))
  const outcome = {
    title: `${jobs} jobs, ${faults ? `faults of seed ${seed}` : 'no faults'}`,
    notes: simulator.listNotes(projectId, mrIid).length,
    writes: simulator.calls.filter(isWrite).length,
    calls: simulator.calls.length,
    struck: fault?.hits() ?? 0,
    right: (rightAt - uploadedAt) / 1000,
    final: (finalAt - uploadedAt) / 1000,
    lines: describe(simulator.calls, uploadedAt),
  }
  simulator.faults.clear()
  return outcome
}

/** A project whose main branch has every model, and a merge request. GitLab is quick meanwhile. */
async function prepare(world: World, { jobs, seed }: Pick<Run, 'jobs' | 'seed'>) {
  const { simulator, maintainer } = world
  const project = await world.createProject(`research/matrix-${jobs}-${seed}`)
  const main = simulator.createPipeline({
    projectId: project.id,
    sha: project.head,
    ref: 'main',
    jobs: [{ name: 'train' }],
  })
  for (const job of main.jobs) await report(world, job, numbers(jobs), 0.8)
  await until(() => [...simulator.state.hooks.values()].some((hook) => hook.projectId === project.id))
  for (const job of main.jobs) simulator.setJobStatus(job.id, 'success')
  await until(() => simulator.calls.some((call) => call.path.includes(`/pipelines/${main.id}/jobs`)))
  const push = { projectId: project.id, userId: maintainer.id, branch: 'tune', startBranch: 'main' }
  await simulator.pushFiles({ ...push, files: { 'tune.txt': String(seed) } })
  const mr = await simulator.createMergeRequest({
    projectId: project.id,
    sourceBranch: 'tune',
    targetBranch: 'main',
    title: 'Tune',
    userId: maintainer.id,
  })
  await simulator.settled()
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

function isWrite(call: Call): boolean {
  return call.method !== 'GET'
}

function printOutcomes(outcomes: Outcome[], pair: Outcome): void {
  for (const { title, notes, writes, calls, struck, right, final, lines } of [...outcomes, pair]) {
    print(
      `${title}: ${notes} notes, ${writes} writes, ${calls} calls (${struck} answered 502 after taking effect);` +
        ` all models shown ${right.toFixed(2)} s, final ${final.toFixed(2)} s after the last upload`,
      ...lines,
    )
  }
}

function describe(calls: Call[], uploadedAt: number): string[] {
  return calls.map((call) => {
    const seconds = (call.at.getTime() - performance.timeOrigin - uploadedAt) / 1000
    return `  ${seconds.toFixed(2).padStart(6)} s  ${call.method} ${call.path.slice(0, 100)} ${call.status ?? '…'}`
  })
}
