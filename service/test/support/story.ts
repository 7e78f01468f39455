import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { eventually, type TestProject, type TestService } from './service.js'

/** A model as a job reports it. */
export function model(name: string, accuracy: number, lr = 0.1) {
  return { name, dataset: 'iris', hyperparameters: { lr }, results: { accuracy } }
}

export interface Training {
  /** Default: the head that `project` began with. */
  sha?: string
  branch?: string
  /** How the job ends in GitLab, whatever it said itself. Default `success`. */
  ends?: 'success' | 'failed'
  source?: string
}

/** Trains `models` by a pipeline of a branch and waits until the service knows how its job ended. */
export async function train(
  service: TestService,
  project: TestProject,
  models: object[],
  training: Training = {},
) {
  const { sha = project.head, branch = 'main', ends = 'success', source = 'push' } = training
  const { simulator } = service
  const base = { projectId: project.id, sha, ref: branch, source }
  const pipeline = simulator.createPipeline({ ...base, jobs: [{ name: 'train' }] })
  const jobId = pipeline.jobs[0]?.id ?? 0
  simulator.setJobStatus(jobId, 'running')
  const answer = await service.report(jobId, { job: { name: 'train', status: 'success' }, models })
  if (answer.status !== 202) throw new Error(answer.text)
  simulator.setJobStatus(jobId, ends)
  await eventually('the end of the job', async () => {
    const connected = await service.stores.projects.findByGitLabId(project.id)
    const row = connected && (await service.stores.pipelines.find(connected.id, pipeline.id))
    return row?.jobs.some((job) => job.status === ends)
  })
}

/** A merge request from a new branch with one commit. */
export async function openMergeRequest(
  service: TestService,
  project: TestProject,
  branch: string,
  targetBranch = 'main',
) {
  const { simulator, maintainer } = service
  await push(service, project, branch)
  const mr = await simulator.createMergeRequest({
    projectId: project.id,
    sourceBranch: branch,
    targetBranch,
    title: `Try ${branch}`,
    userId: maintainer.id,
  })
  await simulator.settled()
  return mr
}

let pushes = 0

export async function push(service: TestService, project: TestProject, branch: string): Promise<string> {
  pushes += 1
  const sha = await service.simulator.pushFiles({
    projectId: project.id,
    userId: service.maintainer.id,
    branch,
    files: { 'change.txt': `${pushes}` },
  })
  await service.simulator.settled()
  return sha
}

/** Trains by a merge-request pipeline of the newest head, which ends. */
export async function trainMergeRequest(
  service: TestService,
  project: TestProject,
  mrIid: number,
  models: object[],
) {
  const pipeline = service.simulator.createPipeline({
    projectId: project.id,
    mrIid,
    jobs: [{ name: 'train' }],
  })
  const jobId = pipeline.jobs[0]?.id ?? 0
  service.simulator.setJobStatus(jobId, 'running')
  const answer = await service.report(jobId, { job: { name: 'train', status: 'success' }, models })
  if (answer.status !== 202) throw new Error(answer.text)
  service.simulator.setJobStatus(jobId, 'success')
  return { pipeline, jobId, reportId: String(answer.json.report) }
}

/** The one note of the merge request once its text fits; fails if there are two. */
export async function noteSaying(service: TestService, project: TestProject, mrIid: number, text: RegExp) {
  const note = await eventually(`a note saying ${text}`, () =>
    service.simulator.listNotes(project.id, mrIid).find((one) => text.test(one.body)),
  )
  const count = service.simulator.listNotes(project.id, mrIid).length
  if (count !== 1) throw new Error(`${count} notes stand on the merge request`)
  return note
}

/** A new pipeline of a merge request, and its jobs by their names. */
export function startJobs(service: TestService, project: TestProject, mrIid: number, names: string[]) {
  const jobs = names.map((name) => ({ name }))
  const pipeline = service.simulator.createPipeline({ projectId: project.id, mrIid, jobs })
  return { pipeline, job: jobsByName(pipeline.jobs) }
}

/** Finds a job by its name, and fails where there is none. */
export function jobsByName<T extends JobToEnd>(jobs: readonly T[]): (name: string) => T {
  return (name) => {
    const found = jobs.find((job) => job.name === name)
    if (found === undefined) throw new Error(`No job is called ${name}`)
    return found
  }
}

export interface JobToEnd {
  id: number
  name: string
}

/** Runs a job to its end, with a report unless it has no models. */
export async function endJob(
  service: TestService,
  { id, name }: JobToEnd,
  models: object[],
  ends: 'success' | 'failed' | 'canceled' = 'success',
): Promise<void> {
  service.simulator.setJobStatus(id, 'running')
  if (models.length > 0) {
    const answer = await service.report(id, { job: { name, status: ends }, models })
    if (answer.status !== 202) throw new Error(answer.text)
  }
  service.simulator.setJobStatus(id, ends)
}

/** Trains the head of main by one pipeline with several jobs, and waits until the service knows how they ended. */
export async function trainJobs(
  service: TestService,
  project: TestProject,
  modelsOf: Record<string, object[]>,
): Promise<void> {
  const jobs = Object.keys(modelsOf).map((name) => ({ name }))
  const base = { projectId: project.id, sha: project.head, ref: 'main' }
  const pipeline = service.simulator.createPipeline({ ...base, jobs })
  for (const job of pipeline.jobs) await endJob(service, job, modelsOf[job.name] ?? [])
  await pipelineEnded(service, project, pipeline.id)
}

/** The service knows that the pipeline has ended. */
export async function pipelineEnded(service: TestService, project: TestProject, pipelineId: number) {
  await eventually('the end of the pipeline', async () => {
    const connected = await service.stores.projects.findByGitLabId(project.id)
    return connected && (await service.stores.pipelines.find(connected.id, pipelineId))?.ended
  })
}

/** Nothing runs and nothing is due. */
export async function idle({ stores }: TestService): Promise<void> {
  await eventually('an idle queue', async () => {
    const { running, lagMs } = await stores.jobs.count()
    return running === 0 && lagMs === 0
  })
}

/** Has GitLab say of the project's configuration that these jobs hold our ID token, that one is the gate, and that
 * others start child pipelines. */
export function expectJobs(
  service: TestService,
  project: TestProject,
  names: string[],
  bridges: string[] = [],
): void {
  const holder = { id_tokens: { MLMM_ID_TOKEN: { aud: service.url } }, script: 'make' }
  const gate = { ...holder, variables: { MLMM_GATE: '1' } }
  const jobs = [
    ...names.map((name) => [name, holder]),
    ...bridges.map((name) => [name, { trigger: { include: 'child.yml' } }]),
  ]
  const config = { ...Object.fromEntries(jobs), 'mlmm-gate': gate }
  service.simulator.faults.add({
    route: new RegExp(`/projects/${project.id}/ci/lint`),
    status: 200,
    body: { valid: true, errors: [], warnings: [], merged_yaml: JSON.stringify(config), jobs: [] },
  })
}

/** Commits rules to main. Answers with the project whose head that is. */
export async function setRules(
  service: TestService,
  project: TestProject,
  rules: string,
): Promise<TestProject> {
  const { simulator, maintainer } = service
  const files = { '.mlmm.yml': rules }
  const base = { projectId: project.id, userId: maintainer.id, branch: 'main' }
  const head = await simulator.pushFiles({ ...base, files })
  await simulator.settled()
  return { ...project, head }
}

/** A fork of the project, and a merge request from its branch: one that the project has too, or else a new one. */
export async function openFromFork(
  service: TestService,
  project: TestProject,
  { username, branch }: { username: string; branch?: string },
) {
  const { simulator } = service
  const { id: userId } = simulator.createUser({ username, name: `${username} of a fork` })
  const fork = await simulator.createProject({
    path: `${username}/${project.path.split('/').at(-1)}`,
    visibility: 'public',
    members: [{ userId, accessLevel: 50 }],
    forkedFrom: project.id,
  })
  const sourceBranch = branch ?? `of-${username}`
  if (branch === undefined) {
    const files = { 'fork.txt': username }
    await simulator.pushFiles({ projectId: fork.id, userId, branch: sourceBranch, files })
  }
  const from = { sourceProjectId: fork.id, sourceBranch, userId }
  const to = { projectId: project.id, targetBranch: 'main' }
  const mr = await simulator.createMergeRequest({ ...from, ...to, title: `From ${username}` })
  await simulator.settled()
  return { fork, mr }
}

/** What the service said of a pipeline as commit statuses, oldest first. */
export function statusesOf({ simulator }: TestService, pipelineId: number): string[] {
  const own = [...simulator.state.jobs.values()].filter((job) => job.pipelineId === pipelineId)
  return own.filter(({ name, external }) => external && name === 'mlmm').map(({ status }) => status)
}

/** Waits until these are the commit statuses of a pipeline. */
export async function statusesBecome(service: TestService, pipelineId: number, wanted: string[]) {
  await eventually(`the commit statuses ${wanted.join()}`, () => {
    return statusesOf(service, pipelineId).join() === wanted.join()
  })
  await idle(service)
  const last = statusesOf(service, pipelineId)
  if (last.join() !== wanted.join()) throw new Error(`The commit statuses are ${last.join()}`)
}

/** What `mlmm-gate` is told, whichever job it is. */
export async function askGate(service: TestService, jobId: number) {
  const token = service.simulator.idToken({ jobId, aud: service.url })
  const answer = await service.get('/api/v1/gate?wait=20', { authorization: `Bearer ${token}` })
  return answer.json
}

/** A commit that is in no branch, as GitLab makes it for a merged-results pipeline. */
export async function mergeCommit(
  service: TestService,
  project: TestProject,
  parents: { targetSha: string; sourceSha: string },
): Promise<string> {
  const gitDir = service.simulator.state.projects.get(project.id)?.gitDir ?? ''
  const { targetSha, sourceSha } = parents
  const author = { GIT_AUTHOR_NAME: 'GitLab', GIT_AUTHOR_EMAIL: 'gitlab@example.com' }
  const committer = { GIT_COMMITTER_NAME: 'GitLab', GIT_COMMITTER_EMAIL: 'gitlab@example.com' }
  const merge = ['commit-tree', `${sourceSha}^{tree}`, '-p', targetSha, '-p', sourceSha, '-m', 'Merge']
  const options = { env: { PATH: process.env.PATH, ...author, ...committer } }
  const { stdout } = await promisify(execFile)('git', ['--git-dir', gitDir, ...merge], options)
  return stdout.trim()
}
