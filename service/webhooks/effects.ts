import { rulesFreshMs, rulesPath } from '../domain/rules.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'
import { type AnyEvent, MergeRequestEvent, PipelineEvent, PushEvent } from '../schemas/webhook.js'
import type { ComparisonStore } from '../stores/comparison-store.js'
import type { JobStore } from '../stores/job-store.js'
import type { PipelineStore } from '../stores/pipeline-store.js'
import type { Project } from '../stores/project-documents.js'
import type { ProjectStore } from '../stores/project-store.js'

export interface EventEffectsOptions {
  projects: Pick<ProjectStore, 'doubt'>
  pipelines: Pick<PipelineStore, 'markHeard' | 'markHeardEarly'>
  comparisons: Pick<ComparisonStore, 'listOpenAgainst'>
  jobs: Pick<JobStore, 'isUnderWay'>
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

export interface AuthenticEvent {
  project: Project & { poster?: { kind: string | null; gitlabUserId: number | null } | null }
  body: unknown
  event: AnyEvent
  /** The same along a chain of events that cause each other. */
  eventUuid: string | null
}

/** Has done what an event gives reason to; answers with a word for it, null where that is nothing. */
export type EventEffects = (event: AuthenticEvent) => Promise<string | null>

const actionsThatChangeNothing = new Set(['approved', 'unapproved', 'approval', 'unapproval'])
const changesThatMatter = ['target_branch', 'source_branch', 'state_id']

export function createEventEffects(options: EventEffectsOptions): EventEffects {
  const { projects, pipelines, comparisons, jobs, queue, clock } = options

  return async ({ project, body, event, eventUuid }) => {
    // Its webhook goes with the connection, but not at once.
    if (project.disconnectedAt) return null
    if (hasMoved(project, event)) await projects.doubt(project.id)
    if (isOwn(project, event)) return null
    const mergeRequest = MergeRequestEvent.safeParse(body)
    if (mergeRequest.success) return askForNote(mergeRequest.data)
    const push = PushEvent.safeParse(body)
    if (push.success) return askForRules(push.data)
    const pipeline = PipelineEvent.safeParse(body)
    if (pipeline.success) return askForPipeline(pipeline.data.object_attributes)
    return null

    async function askForNote(told: MergeRequestEvent): Promise<string | null> {
      if (!mayChangeNote(told)) return null
      await queue.enqueue(jobKey.note(project.id, told.object_attributes.iid), { eventUuid })
      return 'note'
    }

    /** What the target branch's rules say now is said of the merge requests that were judged by its old ones. */
    async function askForRules(told: PushEvent): Promise<string | null> {
      const branch = /^refs\/heads\/(.+)$/s.exec(told.ref)?.[1]
      if (branch === undefined || !mayChangeRules(told)) return null
      const mrIids = await comparisons.listOpenAgainst(project.id, branch)
      if (mrIids.length === 0) return null
      const keys = mrIids.map((mrIid) => jobKey.note(project.id, mrIid))
      await queue.enqueue(keys, { delayMs: rulesFreshMs, isPromised: true, eventUuid })
      return 'rules'
    }

    async function askForPipeline({ id, source }: { id: number; source?: string | null }) {
      // Made by commit statuses, ours among them.
      if (source === 'external' || !(await hear(project, id))) return null
      await queue.enqueue(jobKey.pipeline(project.id, id), { eventUuid })
      return 'pipeline'
    }
  }

  /** Whether the pipeline has reported here. A short one may end while GitLab is being asked about it the first time. */
  async function hear(project: Project, pipelineId: number): Promise<boolean> {
    if (await pipelines.markHeard(project.id, pipelineId, clock())) return true
    const key = jobKey.pipeline(project.id, pipelineId)
    if (!(await jobs.isUnderWay({ keys: [key], looks: key, withinMs: 0 }))) return false
    await pipelines.markHeardEarly(project.id, pipelineId, clock())
    return true
  }
}

/** Nothing follows from what our bot did. A maintainer who lets us post does things of their own. */
function isOwn(
  { poster }: AuthenticEvent['project'],
  { object_kind: kind, user, user_id: id }: AnyEvent,
): boolean {
  if (kind === 'pipeline' || !poster?.gitlabUserId || poster.kind === 'maintainer') return false
  return (user?.id ?? id) === poster.gitlabUserId
}

/** An update without new commits is an edit of words, unless it says that a branch changed. */
function mayChangeNote({ object_attributes: { action, oldrev }, changes }: MergeRequestEvent): boolean {
  if (action === null || action === undefined) return true
  if (actionsThatChangeNothing.has(action)) return false
  if (action !== 'update' || oldrev) return true
  return changes === null || changes === undefined || changesThatMatter.some((name) => name in changes)
}

function mayChangeRules({ commits, total_commits_count: total }: PushEvent): boolean {
  if ((total ?? 0) > commits.length) return true
  return commits.some(({ added, modified, removed }) =>
    [added, modified, removed].some((paths) => paths?.includes(rulesPath)),
  )
}

/** Whether GitLab tells of the project otherwise than it is known here. */
function hasMoved(project: Project, { project: told }: AnyEvent): boolean {
  const { path_with_namespace: path, default_branch: branch } = told ?? {}
  return (
    (path ?? project.path) !== project.path || (branch ?? project.defaultBranch) !== project.defaultBranch
  )
}
