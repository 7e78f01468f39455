import { setTimeout as pause } from 'node:timers/promises'
import type { Job } from '../simulator/state.js'
import { print } from './parts/figures.js'
import { withWorld, type World } from './parts/world.js'

/** Of GitLab.com: calls a minute and user, notes a minute and user. */
const apiLimit = { requests: 2000, periodSeconds: 60 }
const notesPerMinute = 60
const watchedMs = 10 * 60_000

/** Each of many merge requests gets a report within seconds, at the limits of GitLab.com and without a webhook. */
export async function benchLimits({ mergeRequests }: { mergeRequests: number }): Promise<void> {
  await withWorld(
    async (world) => {
      const jobs = await prepare(world, mergeRequests)
      world.simulator.clearCalls()
      const startedAt = performance.now()
      for (const job of jobs) {
        await report(world, job)
        world.simulator.setJobStatus(job.id, 'success')
      }
      await watch(() => countNotes(world).merge >= mergeRequests)
      await printOutcome(world, mergeRequests, (performance.now() - startedAt) / 1000)
    },
    { apiLimit, notesPerMinute },
  )
}

async function prepare(world: World, mergeRequests: number): Promise<Job[]> {
  const { simulator, maintainer } = world
  const project = await world.createProject('research/limits', 30)
  const jobs: Job[] = []
  for (let number = 1; number <= mergeRequests; number += 1) {
    const sourceBranch = `try-${number}`
    const push = { projectId: project.id, userId: maintainer.id, branch: sourceBranch, startBranch: 'main' }
    await simulator.pushFiles({ ...push, files: { [`${sourceBranch}.txt`]: sourceBranch } })
    const common = { projectId: project.id, sourceBranch, targetBranch: 'main', userId: maintainer.id }
    const mr = await simulator.createMergeRequest({ ...common, title: sourceBranch })
    await simulator.settled()
    const pipeline = simulator.createPipeline({
      projectId: project.id,
      mrIid: mr.iid,
      jobs: [{ name: 'train' }],
    })
    for (const job of pipeline.jobs) simulator.setJobStatus(job.id, 'running')
    jobs.push(...pipeline.jobs)
  }
  return jobs
}

async function report({ simulator, service }: World, job: Job): Promise<void> {
  const answer = await fetch(`${service.url}/api/v1/reports`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${simulator.idToken({ jobId: job.id, aud: service.url })}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      job: { name: job.name, status: 'success' },
      models: [{ name: 'tree', dataset: 'iris', results: { accuracy: 0.9 } }],
    }),
  })
  if (answer.status !== 202) throw new Error(`${job.name}: ${answer.status} ${await answer.text()}`)
}

/** Notes that are there, and merge requests that have one. */
function countNotes({ simulator }: World): { notes: number; merge: number } {
  const notes = [...simulator.state.notes.values()].filter((note) => !note.system)
  return { notes: notes.length, merge: new Set(notes.map((note) => note.mrIid)).size }
}

async function watch(condition: () => boolean): Promise<void> {
  const endsAt = performance.now() + watchedMs
  while (!condition() && performance.now() < endsAt) await pause(100)
}

async function printOutcome(world: World, mergeRequests: number, seconds: number): Promise<void> {
  const { notes, merge } = countNotes(world)
  const refused = world.simulator.calls.filter((call) => call.status === 429).length
  const dead = await world.db.collection('jobs').countDocuments({ state: 'dead' })
  const leastSeconds = (Math.ceil(mergeRequests / notesPerMinute) - 1) * 60
  print(
    `${mergeRequests} merge requests at ${notesPerMinute} notes and ${apiLimit.requests} calls a minute: ${merge} have a note, ${notes - merge} notes too many, ${dead} dead jobs, after ${seconds.toFixed(0)} s; the limit alone takes ${leastSeconds} s`,
    `${world.simulator.calls.length} calls, ${refused} of them refused with 429`,
  )
}
