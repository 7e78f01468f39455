import t from 'tap'

import { startSimulator } from '../simulator.js'
import type { Job, Pipeline } from '../state.js'
import { call, openMergeRequest, startStory } from './helper.js'

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

const story = await startStory(t)
const { gitlab, project, author } = story
const mr = await openMergeRequest(story)
const pipelines = `/projects/${project.id}/pipelines`

t.test('a child has the commit, ref and merge request of its parent', async (t) => {
  const parent = gitlab.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs: [{ name: 'lint' }] })
  const child = gitlab.createPipeline({
    projectId: project.id,
    parentPipelineId: parent.id,
    bridgeName: 'models',
    jobs: [{ name: 'train' }],
  })

  const bridges = await call(gitlab, author.token, 'GET', `${pipelines}/${parent.id}/bridges`)
  const jobs = await call(gitlab, author.token, 'GET', `${pipelines}/${parent.id}/jobs`)
  const claims = claimsOf(gitlab.idToken({ jobId: child.jobs[0]?.id ?? 0, aud: 'x' }))

  t.match(child, { source: 'parent_pipeline', sha: mr.sha, ref: parent.ref, mrId: mr.id })
  t.match(bridges.json, [
    {
      name: 'models',
      status: 'running',
      pipeline: { id: parent.id },
      downstream_pipeline: { id: child.id, project_id: project.id, source: 'parent_pipeline' },
    },
  ])
  t.match(jobs.json, [{ name: 'lint', pipeline: { id: parent.id } }])
  t.equal((jobs.json as unknown[]).length, 1)
  t.match(claims, {
    pipeline_id: String(child.id),
    pipeline_source: 'parent_pipeline',
    ref: 'feature',
    ref_path: 'refs/heads/feature',
    sha: mr.sha,
  })
})

t.test('children are listed only when they are asked for', async (t) => {
  const all = await call(gitlab, author.token, 'GET', pipelines)
  const children = await call(gitlab, author.token, 'GET', `${pipelines}?source=parent_pipeline`)
  const ofRequest = await call(
    gitlab,
    author.token,
    'GET',
    `/projects/${project.id}/merge_requests/${mr.iid}/pipelines`,
  )

  t.same(new Set((all.json as Pipeline[]).map(({ source }) => source)), new Set(['merge_request_event']))
  t.match(children.json, [{ source: 'parent_pipeline' }])
  t.equal((ofRequest.json as Pipeline[]).length, 1)
})

t.test('the bridge follows its pipeline, and the parent waits for the bridge', async (t) => {
  const parent = gitlab.createPipeline({
    projectId: project.id,
    mrIid: mr.iid,
    jobs: [{ name: 'lint', status: 'success' }],
    bridges: [{ name: 'models' }, { name: 'docs', strategy: null }],
  })
  const start = (bridgeName: string) =>
    gitlab.createPipeline({
      projectId: project.id,
      parentPipelineId: parent.id,
      bridgeName,
      jobs: [{ name: 'train' }],
    })
  const bridge = (name: string) => [...gitlab.state.jobs.values()].findLast((job) => job.name === name)
  t.equal(parent.status, 'running')

  const models = start('models')
  start('docs')
  t.equal(bridge('docs')?.status, 'success')
  const jobId = models.jobs[0]?.id ?? 0
  gitlab.setJobStatus(jobId, 'failed')
  t.match([bridge('models')?.status, parent.status], ['failed', 'failed'])
  const again = gitlab.retryJob(jobId)
  t.match([bridge('models')?.status, parent.status], ['running', 'running'])
  gitlab.setJobStatus(again.id, 'success')
  t.match([bridge('models')?.status, parent.status], ['success', 'success'])
})

t.test('cancelling the parent cancels the child', async (t) => {
  const parent = gitlab.createPipeline({ projectId: project.id, mrIid: mr.iid, bridges: [{ name: 'kid' }] })
  const child = gitlab.createPipeline({
    projectId: project.id,
    parentPipelineId: parent.id,
    bridgeName: 'kid',
    jobs: [{ name: 'train' }],
  })

  await call(gitlab, author.token, 'POST', `${pipelines}/${parent.id}/cancel`)

  t.match([child.jobs[0]?.status, child.status, parent.status], ['canceled', 'canceled', 'canceled'])
})

t.test('a schedule runs twice on one commit', async (t) => {
  const head = await call(gitlab, null, 'GET', `/projects/${project.id}/repository/branches/main`)
  const sha = (head.json as { commit: { id: string } }).commit.id
  const nightly = () =>
    gitlab.createPipeline({
      projectId: project.id,
      sha,
      ref: 'main',
      source: 'schedule',
      jobs: [{ name: 'train' }],
    })

  const first = nightly()
  const second = nightly()

  t.match(
    [first, second],
    [
      { sha, source: 'schedule' },
      { sha, source: 'schedule' },
    ],
  )
  const [job] = second.jobs
  t.match(claimsOf(gitlab.idToken({ jobId: job?.id ?? 0, aud: 'x' })), {
    pipeline_source: 'schedule',
    ref: 'main',
    ref_protected: 'true',
  })
})

t.test("a fork's merge request has its pipeline in the fork or in the parent", async (t) => {
  const fork = await gitlab.createProject({ path: 'ada/iris', forkedFrom: project.id })
  await gitlab.pushFiles({ projectId: fork.id, branch: 'fix', files: { x: 'x' }, userId: author.id })
  const { iid } = await gitlab.createMergeRequest({
    projectId: project.id,
    sourceProjectId: fork.id,
    sourceBranch: 'fix',
    targetBranch: 'main',
    title: 'Fix',
    userId: author.id,
  })
  const jobs = [{ name: 'train' }]
  const inFork = gitlab.createPipeline({ projectId: fork.id, mrProjectId: project.id, mrIid: iid, jobs })
  const inParent = gitlab.createPipeline({ projectId: project.id, mrIid: iid, jobs })
  const claims = ({ jobs: [job] }: { jobs: Job[] }) =>
    claimsOf(gitlab.idToken({ jobId: job?.id ?? 0, aud: 'x' }))

  t.match(inFork, { projectId: fork.id, ref: 'fix', source: 'merge_request_event' })
  t.match(claims(inFork), { project_id: String(fork.id), job_project_id: String(fork.id), ref: 'fix' })
  t.match(inParent, { projectId: project.id, ref: `refs/merge-requests/${iid}/head` })
  t.match(claims(inParent), {
    project_id: String(fork.id),
    job_project_id: String(project.id),
    ref: 'fix',
  })
})

const running = await startSimulator({ runner: true, prepareDelayMs: 5 })
t.teardown(() => running.close())
const ada = running.createUser({ username: 'ada' })
const members = [{ userId: ada.id, accessLevel: 40 }]

function jobsOf(pipeline: Pipeline | null | undefined): Job[] {
  return [...running.state.jobs.values()].filter((job) => job.pipelineId === pipeline?.id)
}

function pipelinesOf(projectId: number): Pipeline[] {
  return [...running.state.pipelines.values()].filter((pipeline) => pipeline.projectId === projectId)
}

t.test('a child is compiled and run, and what comes after it waits', async (t) => {
  const files = {
    '.gitlab-ci.yml': `
stages: [train, report]
models:
  stage: train
  variables: {FOLDER: "$CI_PROJECT_NAME"}
  trigger: {include: ci/models.yml, strategy: depend}
report: {stage: report, script: [echo done]}
`,
    'ci/models.yml': 'train:\n  script: [\'echo "folder $FOLDER from $CI_PIPELINE_SOURCE"\']\n',
  }
  const project = await running.createProject({ path: 'research/kids', members })
  await running.pushFiles({ projectId: project.id, branch: 'main', files, userId: ada.id })
  await running.settled()

  const [parent, child] = pipelinesOf(project.id)
  t.match([parent?.source, child?.source], ['push', 'parent_pipeline'])
  t.match(
    jobsOf(parent).map((job) => [job.name, job.status]),
    [
      ['models', 'success'],
      ['report', 'success'],
    ],
  )
  t.match(jobsOf(child), [{ name: 'train', status: 'success', trace: /^folder kids from parent_pipeline$/m }])
  t.equal(parent?.status, 'success')
})

t.test('a child that cannot be made fails its bridge', async (t) => {
  const files = { '.gitlab-ci.yml': 'models: {trigger: {include: none.yml}}' }
  const project = await running.createProject({ path: 'research/orphans', members })
  await running.pushFiles({ projectId: project.id, branch: 'main', files, userId: ada.id })
  await running.settled()

  const [parent] = pipelinesOf(project.id)
  t.match(jobsOf(parent), [{ status: 'failed', failureReason: 'downstream_pipeline_creation_failed' }])
  t.equal(parent?.status, 'failed')
})

t.test('a branch runs when a schedule or somebody asks, whatever the commit says', async (t) => {
  const files = { '.gitlab-ci.yml': 'train: {script: [\'echo "by $CI_PIPELINE_SOURCE"\']}' }
  const project = await running.createProject({ path: 'research/nightly', members })
  const message = 'Begin [skip ci]'
  await running.pushFiles({ projectId: project.id, branch: 'main', files, message, userId: ada.id })

  const nightly = await running.runPipeline({ projectId: project.id, ref: 'main', userId: ada.id })
  const path = `/projects/${project.id}/pipeline`
  const asked = await call(running, ada.token, 'POST', path, { ref: 'main' })
  const unknown = await call(running, ada.token, 'POST', path, { ref: 'none' })
  await running.settled()

  t.match(nightly, { source: 'schedule', ref: 'main', status: 'success' })
  t.match(jobsOf(nightly), [{ trace: /^by schedule$/m }])
  t.match(asked, { status: 201, json: { source: 'api', ref: 'main' } })
  t.match(unknown, { status: 400, json: { message: { base: ['Reference not found'] } } })
})
