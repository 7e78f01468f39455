import type { ComparisonStore } from '../stores/comparison-store.js'
import type { ConnectionStore } from '../stores/connection-store.js'
import type { JobStore } from '../stores/job-store.js'
import type { ModelStore } from '../stores/model-store.js'
import type { PipelineStore } from '../stores/pipeline-store.js'
import type { ProjectStore } from '../stores/project-store.js'
import type { SettingsStore } from '../stores/settings-store.js'
import { jobKey } from './keys.js'
import type { Queue } from './queue.js'
import type { JobHandler } from './worker.js'

const everyMs = 60_000
/** Uploads this close to the last look are looked at again. */
const overlapMs = 5 * 60_000
/** Younger ones are still in the hands of those who stored them. */
const graceMs = 5_000
const silentForMs = 15 * 60_000
const reviveAfterMs = 30 * 60_000
const projectsPerQuery = 200
const mostPerRun = 500
/** A webhook that GitLab disabled is found within 15 minutes. */
const hookCheckedForMs = 10 * 60_000
/** Merge requests are asked about once for each project: often where no webhook tells, else for what was lost. */
const polledForMs = { hooked: 15 * 60_000, hookless: 2 * 60_000 }
/** A project that neither reports nor readers bring up. */
const askedForMs = 24 * 3_600_000
const settingName = 'reconciledAt'

export interface ReconcileJobOptions {
  projects: ProjectStore
  models: ModelStore
  pipelines: PipelineStore
  jobs: JobStore
  settings: SettingsStore
  comparisons: Pick<ComparisonStore, 'listProjectsWithOpen'>
  connections: Pick<ConnectionStore, 'listBotsToRenew'>
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

/** Finds what everything else forgot: models whose pipeline nobody looked at since (the process died in between),
 * pipelines whose end was never heard of, and work that was given up while GitLab was away. */
export function createReconcileJob(options: ReconcileJobOptions): JobHandler {
  const { projects, models, pipelines, jobs, settings, comparisons, connections, queue, clock } = options

  return async (_job, { log }) => {
    const now = clock()
    const found = [
      ...(await forgottenReports(now)),
      ...(await pipelines.listUnended(new Date(now.getTime() - silentForMs), mostPerRun)),
    ].map(({ projectId, pipelineId }) => jobKey.pipeline(projectId, pipelineId))
    const dead = (await jobs.listDead(mostPerRun))
      .filter((job) => now.getTime() - job.diedAt.getTime() > reviveAfterMs)
      .map((job) => job.key)
    const keys = [...found, ...dead]
    if (keys.length > 0)
      log.warn({ forgotten: found.length, dead: dead.length }, 'Work found by the reconciler')
    await queue.enqueue(keys)
    await lookAtProjects(now)
    await settings.save(settingName, now)
    return { kind: 'again', inMs: everyMs }
  }

  /** Spread over the time to the next run, so that GitLab is not asked for all at once. */
  async function lookAtProjects(now: Date): Promise<void> {
    const ago = (ms: number) => new Date(now.getTime() - ms)
    const { hooked, hookless } = polledForMs
    const hooks = await projects.listHooksToCheck(ago(hookCheckedForMs), mostPerRun)
    const polls = await projects.listToPoll(await comparisons.listProjectsWithOpen(), {
      hooked: ago(hooked),
      hookless: ago(hookless),
      limit: mostPerRun,
    })
    const bots = await connections.listBotsToRenew(now, mostPerRun)
    const unasked = await projects.listUnasked(ago(askedForMs), mostPerRun)
    const keys = [
      ...bots.map(jobKey.renewBot),
      ...hooks.map(jobKey.hookHealth),
      ...polls.map(jobKey.poll),
      ...unasked.map(jobKey.askProject),
    ]
    await Promise.all(
      keys.map((key, index) => queue.enqueue(key, { delayMs: Math.floor((index * everyMs) / keys.length) })),
    )
  }

  async function forgottenReports(now: Date) {
    const last = await settings.find(settingName)
    const since = new Date((last instanceof Date ? last.getTime() : 0) - overlapMs)
    const forgotten: { projectId: string; pipelineId: number }[] = []
    for await (const projectIds of projects.listIds(projectsPerQuery)) {
      for (const { _id: pipeline, newest } of await models.listReportingPipelines(projectIds, since)) {
        if (now.getTime() - newest.getTime() < graceMs) continue
        const known = await pipelines.find(pipeline.projectId, pipeline.pipelineId)
        if (known === null || known.checkedAt < newest) forgotten.push(pipeline)
      }
    }
    return forgotten
  }
}
