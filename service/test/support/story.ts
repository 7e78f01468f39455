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
