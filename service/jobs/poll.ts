import { hash } from 'node:crypto'
import { rulesFreshMs, rulesPath } from '../domain/rules.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab } from '../gitlab/port.js'
import type { ComparisonStore } from '../stores/comparison-store.js'
import type { PipelineStore } from '../stores/pipeline-store.js'
import type { Project, ProjectStore } from '../stores/project-store.js'
import { jobKey, parseKey } from './keys.js'
import type { Queue } from './queue.js'
import type { JobHandler } from './worker.js'

const pageLength = 100
const nextPageMs = 2_000

export interface PollJobOptions {
  gitlab: GitLab
  projects: Pick<ProjectStore, 'find' | 'setPolled'>
  comparisons: Pick<ComparisonStore, 'findFacts' | 'listOpenAgainst'>
  pipelines: Pick<PipelineStore, 'listOfHead'>
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

/** Asks GitLab in one call which merge requests of a project changed, in another for the rules of its default branch, and
 * has the notes looked at that this concerns: for projects without a webhook, and for events that were lost. */
export function createPollJob(options: PollJobOptions): JobHandler {
  const { projects, comparisons, pipelines, queue, clock } = options
  const gitlab = options.gitlab.withContext({ eventUuid: null, isBackground: true })

  return async (job) => {
    const project = await projects.find(parseKey(job.key).projectId)
    if (project === null) return { kind: 'done' }
    const at = clock()
    // By GitLab's clock, so that it does not matter how far ours is from it.
    const since = project.polled?.until ?? project.connectedAt
    const changes = await gitlab.listChangedMergeRequests(project.gitlabProjectId, since)
    const touched: number[] = []
    for (const change of changes) if (await concerns(project.id, change)) touched.push(change.iid)
    await queue.enqueue(touched.map((mrIid) => jobKey.note(project.id, mrIid)))
    const rules = await lookAtRules(project)
    await projects.setPolled(project.id, { at, until: changes.at(-1)?.updatedAt ?? since, rules })
    return changes.length < pageLength ? { kind: 'done' } : { kind: 'again', inMs: nextPageMs }
  }

  /** Has the open notes written by the rules as they are now; answers with what tells them from others. */
  async function lookAtRules(project: Project): Promise<string | null> {
    const before = project.polled?.rules ?? null
    const { id, gitlabProjectId, defaultBranch } = project
    if (defaultBranch === null) return before
    const now = await unlessForbidden(async () => {
      const file = await gitlab.findFile(gitlabProjectId, rulesPath, `refs/heads/${defaultBranch}`)
      return hash('sha256', `${file?.text ?? file?.sizeBytes ?? 'none'}`)
    })
    if (now === null || before === null || now === before) return now ?? before
    const keys = (await comparisons.listOpenAgainst(id, defaultBranch)).map((mrIid) => jobKey.note(id, mrIid))
    await queue.enqueue(keys, { delayMs: rulesFreshMs, isPromised: true })
    return now
  }

  async function concerns(
    projectId: string,
    {
      iid,
      state,
      sha,
      targetBranch,
    }: { iid: number; state: string; sha: string | null; targetBranch: string },
  ): Promise<boolean> {
    const known = await comparisons.findFacts(projectId, iid)
    if (known === null) {
      return state === 'opened' && sha !== null && (await pipelines.listOfHead(projectId, sha)).length > 0
    }
    return (
      known.mrState !== state ||
      (state === 'opened' && (known.headSha !== sha || known.targetBranch !== targetBranch))
    )
  }
}

async function unlessForbidden(ask: () => Promise<string>): Promise<string | null> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof GitLabError && error.kind === 'forbidden') return null
    throw error
  }
}
