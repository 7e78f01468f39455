import { Gitlab, GitbeakerRequestError, GitbeakerRetryError } from '@gitbeaker/rest'
import type { Answers, Client, Task } from './task.js'

/** The published client with its own transport, which the service replaces. */
export const gitbeaker: Client = { name: '@gitbeaker/rest', testsHooks: false, exercise }

type Api = InstanceType<typeof Gitlab<false>>

async function exercise(task: Task): Promise<Answers> {
  const api = new Gitlab({ host: task.url, token: task.token })
  const user = await api.Users.showCurrentUser()
  const byPath = await api.Projects.show(task.projectPath)
  const byId = await api.Projects.show(task.projectId)
  return {
    user: user.username,
    projectByPath: byPath.id,
    projectById: byId.path_with_namespace,
    ...(await mergeRequestAndNotes(api, task)),
    ...(await statuses(api, task)),
    ...(await reading(api, task)),
    ...(await hooks(api, task)),
    errors: {
      missing: await codeOf(api.Projects.show('research/nothing')),
      unauthorized: await codeOf(new Gitlab({ host: task.url, token: 'wrong' }).Users.showCurrentUser()),
      limited: await codeOf(api.Branches.all(task.projectId)),
    },
  }
}

type Part<K extends keyof Answers> = Promise<Pick<Answers, K>>

async function mergeRequestAndNotes(api: Api, task: Task): Part<'madeIid' | 'shown' | 'listed' | 'notes'> {
  const { projectPath: project } = task
  const { iid } = await api.MergeRequests.create(project, task.sourceBranch, 'main', 'Made by a client')
  const shown = await api.MergeRequests.show(project, iid)
  const first = await api.MergeRequestNotes.create(project, iid, 'first')
  const second = await api.MergeRequestNotes.create(project, iid, 'second')
  await api.MergeRequestNotes.edit(project, iid, first.id, { body: 'first, edited' })
  await api.MergeRequestNotes.remove(project, iid, second.id)
  const listed = await api.MergeRequests.all({ projectId: project, state: 'opened' })
  const notes = await api.MergeRequestNotes.all(project, iid)
  return {
    madeIid: iid,
    shown: [shown.title, shown.source_branch, shown.sha],
    listed: listed.map((mr) => mr.iid).toSorted((a, b) => a - b),
    notes: notes.filter((note) => !note.system).map((note) => note.body),
  }
}

async function statuses(api: Api, task: Task): Part<'status' | 'statuses'> {
  const { projectPath: project, sha } = task
  const options = { name: 'mlmm', description: 'as good as main' }
  const made = await api.Commits.editStatus(project, sha, 'success', options)
  const listed = await api.Commits.allStatuses(project, sha)
  return {
    status: [String(made.status), String(made.name)],
    statuses: listed.map(({ name, status }) => `${name} ${status}`).toSorted(),
  }
}

async function reading(
  api: Api,
  task: Task,
): Part<'members' | 'pipelines' | 'jobs' | 'file' | 'rawFile' | 'tree' | 'paged'> {
  const { projectPath: project, pipelineId } = task
  const members = await api.ProjectMembers.all(project, { includeInherited: true })
  const pipelines = await api.Pipelines.all(project, { source: 'merge_request_event' })
  const jobs = await api.Jobs.all(project, { pipelineId })
  const file = await api.RepositoryFiles.show(project, task.file, 'main')
  const raw = await api.RepositoryFiles.showRaw(project, task.file, 'main')
  const tree = await api.Repositories.allRepositoryTrees(project, { ref: 'main' })
  const notes = await api.MergeRequestNotes.all(project, task.bulkIid, { perPage: 50 })
  return {
    members: members.map((member) => member.username).toSorted(),
    pipelines: pipelines.map((pipeline) => pipeline.id),
    jobs: jobs.map((job) => `${job.name} ${job.status}`).toSorted(),
    file: Buffer.from(file.content, 'base64').toString(),
    rawFile: typeof raw === 'string' ? raw : await raw.text(),
    tree: tree.map((entry) => entry.path),
    paged: new Set(notes.map((note) => note.id)).size,
  }
}

async function hooks(api: Api, task: Task): Part<'hook' | 'hooksLeft'> {
  const { projectPath: project, receiver } = task
  const wanted = { pushEvents: false, mergeRequestsEvents: true, token: 'secret' }
  const { id } = await api.ProjectHooks.add(project, receiver, wanted)
  await api.ProjectHooks.edit(project, id, receiver, { pipelineEvents: true })
  const shown = await api.ProjectHooks.show(project, id)
  await api.ProjectHooks.remove(project, id)
  const left = await api.ProjectHooks.all(project)
  return {
    hook: [
      shown.url === receiver,
      Boolean(shown.push_events),
      Boolean(shown.pipeline_events),
      String(shown.alert_status),
    ],
    hooksLeft: left.length,
  }
}

async function codeOf(work: Promise<unknown>): Promise<number | null> {
  try {
    await work
    return null
  } catch (err) {
    if (err instanceof GitbeakerRequestError) return err.cause?.response.status ?? null
    // After its retries it keeps the status only in its text.
    if (err instanceof GitbeakerRetryError) return Number(/status code: (\d+)/.exec(err.message)?.[1])
    throw err
  }
}
