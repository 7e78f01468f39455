import t from 'tap'
import { startSimulator, type Simulator } from '../../../simulator/simulator.js'
import { createGitLab } from '../../gitlab/client.js'
import { GitLabError } from '../../gitlab/errors.js'
import type { GitLab, GitLabCommitStatus } from '../../gitlab/port.js'

const simulator = await startSimulator({ relativePath: '/gitlab', prepareDelayMs: 0 })
t.teardown(() => simulator.close())

const maintainer = simulator.createUser({ username: 'maintainer' })
const bot = simulator.createUser({ username: 'bot', bot: true })
const guest = simulator.createUser({ username: 'guest' })
const stranger = simulator.createUser({ username: 'stranger' })
const project = await simulator.createProject({
  path: 'group/project',
  members: [
    { userId: maintainer.id, accessLevel: 40 },
    { userId: bot.id, accessLevel: 30 },
    { userId: guest.id, accessLevel: 10 },
  ],
})
const large = 'x'.repeat(1024 * 1024 + 1)
const rules = 'metrics:\n  accuracy: higher # größer\n'
const ci = `
default: {id_tokens: {MLMM_TOKEN: {aud: "https://mlmm.example.com"}}}
train:
  script: [./train]
  parallel: {matrix: [{MODEL: [a, b]}]}
deploy:
  stage: deploy
  script: [./deploy]
  rules: [{if: '$CI_COMMIT_BRANCH == "never"'}]
`
const head = await push('main', {
  '.mlmm.yml': rules,
  '.gitlab-ci.yml': ci,
  'a folder/(new) ~rules!.yml': 'x: 1\n',
  'large.yml': large,
})
const gitlab = connect(bot.token)

t.beforeEach(() => {
  simulator.faults.clear()
  simulator.clearCalls()
})

function push(branch: string, files: Record<string, string>): Promise<string> {
  const place = { projectId: project.id, branch, startBranch: 'main' }
  return simulator.pushFiles({ ...place, files, userId: maintainer.id })
}

function connect(token: string, at: Simulator = simulator, maxBodyBytes?: number): GitLab {
  return createGitLab({
    apiUrl: at.url,
    token,
    ...(maxBodyBytes === undefined ? {} : { maxBodyBytes }),
  })
}

async function failureOf(call: Promise<unknown>): Promise<Partial<GitLabError>> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof GitLabError)) throw new Error('expected a GitLabError', { cause: error })
  return { ...error }
}

t.test('a file is read at a branch or a commit, with the commit it was read at', async (t) => {
  const file = { text: rules, commitId: head, sizeBytes: Buffer.byteLength(rules) }

  t.same(await gitlab.findFile(project.id, '.mlmm.yml', 'main'), file)
  t.same(await gitlab.findFile(project.id, '.mlmm.yml', head), file)
  t.match(await gitlab.findFile(project.id, 'a folder/(new) ~rules!.yml', 'main'), { text: 'x: 1\n' })
})

t.test('a file, branch or project that is not there is not found', async (t) => {
  t.equal(await gitlab.findFile(project.id, 'none.yml', 'main'), null)
  t.equal(await gitlab.findFile(project.id, 'a folder', 'main'), null)
  t.equal(await gitlab.findFile(project.id, '.mlmm.yml', 'none'), null)
  t.equal(await connect(stranger.token).findFile(project.id, '.mlmm.yml', 'main'), null)
})

t.test('code that the token may not read is refused', async (t) => {
  t.match(await failureOf(connect(guest.token).findFile(project.id, '.mlmm.yml', 'main')), {
    kind: 'forbidden',
  })
})

t.test('a path that climbs out of the files is not asked for', async (t) => {
  await t.rejects(gitlab.findFile(project.id, '..', 'main'), TypeError)
  t.same(simulator.calls, [])
})

t.test('a file of more than 1 MB is named by its size', async (t) => {
  t.same(await gitlab.findFile(project.id, 'large.yml', 'main'), {
    text: null,
    commitId: head,
    sizeBytes: large.length,
  })
})

t.test('a file whose answer is not even read is large, too', async (t) => {
  const small = connect(bot.token, simulator, 4000)

  t.same(await small.findFile(project.id, 'large.yml', 'main'), {
    text: null,
    commitId: head,
    sizeBytes: 3000,
  })
})

t.test('the CI configuration of a commit: all jobs, and what they merge to', async (t) => {
  const config = await gitlab.lintCi(project.id, head)

  t.match(config, { valid: true, mergedYaml: /MLMM_TOKEN/ })
  t.same(config?.jobs, [
    { name: 'train: [a]', stage: 'test', when: 'on_success' },
    { name: 'train: [b]', stage: 'test', when: 'on_success' },
    { name: 'deploy', stage: 'deploy', when: 'on_success' },
  ])
})

t.test('the CI configuration of a branch: the jobs of a push', async (t) => {
  const config = await gitlab.lintCi(project.id, head, { ref: 'main' })

  t.same(
    config?.jobs?.map(({ name }) => name),
    ['train: [a]', 'train: [b]'],
  )
})

t.test('a commit without configuration, and one that the token may not read', async (t) => {
  const empty = await simulator.createProject({
    path: 'group/empty',
    members: [{ userId: bot.id, accessLevel: 30 }],
  })
  t.equal(await gitlab.lintCi(empty.id, head), null, 'no repository')
  const sha = await simulator.pushFiles({
    projectId: empty.id,
    branch: 'main',
    files: { a: 'a' },
    userId: bot.id,
  })

  t.same(await gitlab.lintCi(empty.id, sha), { valid: false, mergedYaml: null, jobs: [] })
  t.equal(await gitlab.lintCi(project.id, 'f'.repeat(40)), null)
  t.equal(await connect(guest.token).lintCi(project.id, head), null)
  t.equal(await connect(stranger.token).lintCi(project.id, head), null)
})

t.test('bridges, before and after their pipeline exists', async (t) => {
  const mr = await openMergeRequest('children')
  const parent = simulator.createPipeline({
    projectId: project.id,
    mrIid: mr.iid,
    jobs: [{ name: 'prepare' }],
    bridges: [{ name: 'models' }, { name: 'other' }],
  })
  const child = simulator.createPipeline({
    projectId: project.id,
    parentPipelineId: parent.id,
    bridgeName: 'models',
    jobs: [{ name: 'train' }],
  })

  const bridges = await gitlab.listBridges(project.id, parent.id)
  const jobs = await gitlab.listPipelineJobs(project.id, parent.id)

  t.same(
    bridges.toSorted((a, b) => a.name.localeCompare(b.name)),
    [
      {
        name: 'models',
        status: 'running',
        downstream: {
          projectId: project.id,
          pipelineId: child.id,
          status: 'pending',
          sha: mr.sha,
          ref: `refs/merge-requests/${mr.iid}/head`,
          webUrl: `${simulator.url}/group/project/-/pipelines/${child.id}`,
        },
      },
      { name: 'other', status: 'pending', downstream: null },
    ],
  )
  t.match(jobs, [{ name: 'prepare', pipeline: { status: 'running' } }])
  t.equal(jobs.length, 1)
  t.match(await gitlab.findPipeline(project.id, child.id), { source: 'parent_pipeline', sha: mr.sha })
})

t.test('the version of GitLab, where it says', async (t) => {
  t.equal(await gitlab.getVersion(), '18.4.2')
  simulator.faults.add({ route: '/metadata', status: 403, body: { message: '403 Forbidden' } })
  t.equal(await gitlab.getVersion(), null)
})

const status: Omit<GitLabCommitStatus, 'pipelineId'> = {
  state: 'success',
  name: 'mlmm',
  description: '2 better, 1 worse',
  targetUrl: 'https://mlmm.example.com/projects/1',
}

t.test('a status is set on the pipeline, and again, and changed', async (t) => {
  const mr = await openMergeRequest('gate')
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    mrIid: mr.iid,
    jobs: [{ name: 'train', status: 'success' }],
  })
  const set = (state: 'success' | 'failed') =>
    gitlab.setCommitStatus(project.id, mr.sha, { ...status, state, pipelineId: pipeline.id })

  t.equal(await set('failed'), 'set')
  t.equal(pipeline.status, 'failed')
  t.equal(await set('success'), 'set')
  t.equal(await set('success'), 'set')
  t.equal(pipeline.status, 'success')
  const held = [...simulator.state.jobs.values()].filter((job) => job.external && !job.retried)
  t.match(held, [
    {
      pipelineId: pipeline.id,
      name: 'mlmm',
      description: status.description,
      targetUrl: status.targetUrl,
    },
  ])
  t.equal(pipelinesOf(mr.sha).length, 1, 'no other pipeline came into being')
})

function refusal(event: string, from: string): { message: string } {
  const reason = `Status cannot transition via "${event}"`
  return { message: `Cannot transition status via :${event} from :${from} (Reason(s): ${reason})` }
}

function setRefused(state: 'success' | 'failed', body: unknown) {
  simulator.faults.add({ route: '/projects/:id/statuses/:sha', times: 1, status: 400, body })
  return gitlab.setCommitStatus(project.id, head, { ...status, state, pipelineId: 1 })
}

t.test('a status that holds already is as good as set', async (t) => {
  t.equal(await setRefused('success', refusal('success', 'success')), 'already_there')
  t.equal(await setRefused('failed', refusal('drop', 'failed')), 'already_there')
  t.match(await failureOf(setRefused('success', refusal('success', 'failed'))), {
    kind: 'rejected',
    status: 400,
  })
})

t.test('where no status can be set', async (t) => {
  const pipeline = simulator.createPipeline({ projectId: project.id, sha: head, ref: 'main', jobs: [] })
  const child = simulator.createPipeline({
    projectId: project.id,
    parentPipelineId: pipeline.id,
    jobs: [{ name: 'train' }],
  })
  const set = (pipelineId: number, sha = head) =>
    gitlab.setCommitStatus(project.id, sha, { ...status, pipelineId })

  t.equal(await set(pipeline.id), 'not_possible', 'a developer may not push to the protected branch')
  t.equal(await set(child.id), 'not_possible', 'a child pipeline takes none')
  t.equal(await set(1), 'not_possible', 'no such pipeline')
  t.equal(await set(pipeline.id, 'f'.repeat(40)), 'not_possible', 'no such commit')
  simulator.faults.add({
    route: '/projects/:id/statuses/:sha',
    times: 1,
    status: 422,
    body: { message: 'The number of jobs has exceeded the limit' },
  })
  t.equal(await set(pipeline.id), 'not_possible', 'the pipeline is full')
  t.equal(pipelinesOf(head).length, 2, 'no other pipeline came into being')
})

t.test('a status that somebody else is setting can be set later', async (t) => {
  const message = 'Another update to this commit status is in progress'
  simulator.faults.add({ route: '/projects/:id/statuses/:sha', times: 1, status: 409, body: { message } })

  t.match(await failureOf(gitlab.setCommitStatus(project.id, head, { ...status, pipelineId: 1 })), {
    kind: 'unavailable',
    status: 409,
    outcomeUnknown: false,
  })
})

function pipelinesOf(sha: string) {
  return [...simulator.state.pipelines.values()].filter((pipeline) => pipeline.sha === sha)
}

async function openMergeRequest(branch: string) {
  await push(branch, { [branch]: branch })
  return simulator.createMergeRequest({
    projectId: project.id,
    sourceBranch: branch,
    targetBranch: 'main',
    title: branch,
    userId: maintainer.id,
  })
}
