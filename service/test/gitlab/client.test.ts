import t, { type Test } from 'tap'
import { startSimulator, type Simulator } from '../../../simulator/simulator.js'
import { createGitLab } from '../../gitlab/client.js'
import { GitLabError } from '../../gitlab/errors.js'
import type { GitLab, GitLabMemberFilter } from '../../gitlab/port.js'

const simulator = await startSimulator({ relativePath: '/gitlab', prepareDelayMs: 0 })
t.teardown(() => simulator.close())

const maintainer = simulator.createUser({ username: 'maintainer' })
const bot = simulator.createUser({ username: 'bot', bot: true })
const developer = simulator.createUser({ username: 'developer' })
const stranger = simulator.createUser({ username: 'stranger' })
const project = await simulator.createProject({
  path: 'group/sub/project',
  members: [
    { userId: maintainer.id, accessLevel: 40 },
    { userId: bot.id, accessLevel: 30 },
    { userId: developer.id, accessLevel: 30 },
  ],
})
const firstCommit = await push('main', 'first')
await push('feature', 'second')
const mr = await simulator.createMergeRequest({
  projectId: project.id,
  sourceBranch: 'feature',
  targetBranch: 'main',
  title: 'Train deeper',
  userId: maintainer.id,
})
await simulator.settled()
const gitlab = connect(bot.token)

t.beforeEach(() => {
  simulator.faults.clear()
  simulator.clearCalls()
})

function push(branch: string, content: string): Promise<string> {
  return simulator.pushFiles({
    projectId: project.id,
    branch,
    files: { 'train.py': content },
    userId: maintainer.id,
  })
}

function cutPages(test: Test, perPageCap: number): void {
  Object.assign(simulator.paging, { perPageCap, dropTotals: true, linkToEmptyPage: true })
  test.teardown(() =>
    Object.assign(simulator.paging, { perPageCap: 100, dropTotals: false, linkToEmptyPage: false }),
  )
}

function connect(token: string, at: Simulator = simulator): GitLab {
  return createGitLab({ apiUrl: `${at.url}/`, token })
}

async function failureOf(call: Promise<unknown>): Promise<Partial<GitLabError>> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (!(error instanceof GitLabError)) throw new Error('expected a GitLabError', { cause: error })
  return { ...error }
}

t.test('the token says who speaks', async (t) => {
  t.same(await gitlab.getCurrentUser(), { id: bot.id, username: 'bot' })
})

t.test('a project is found by its number', async (t) => {
  t.same(await gitlab.findProject(project.id), {
    id: project.id,
    path: 'group/sub/project',
    webUrl: `${simulator.url}/group/sub/project`,
    defaultBranch: 'main',
    visibility: 'private',
    archived: false,
    pipelinesOpen: true,
    forkedFromProjectId: null,
  })
})

t.test('a project that one may not see is not found', async (t) => {
  t.equal(await connect(stranger.token).findProject(project.id), null)
  t.equal(await gitlab.findProject(999_999), null)
})

t.test('a moved project keeps its number', async (t) => {
  const moving = await simulator.createProject({ path: 'group/old', visibility: 'public' })
  simulator.moveProject(moving.id, 'other/new')

  t.match(await gitlab.findProject(moving.id), { id: moving.id, path: 'other/new' })
})

t.test('a fork names its origin', async (t) => {
  const fork = await simulator.createProject({
    path: 'bot/fork',
    forkedFrom: project.id,
    visibility: 'public',
  })

  t.match(await gitlab.findProject(fork.id), { forkedFromProjectId: project.id })
})

t.test('pipelines are open only if both settings say so', async (t) => {
  const cases = [
    { publicJobs: false, buildsAccess: 'enabled', open: false },
    { publicJobs: true, buildsAccess: 'private', open: false },
    { publicJobs: true, buildsAccess: 'disabled', open: false },
    { publicJobs: true, buildsAccess: 'enabled', open: true },
  ] as const
  for (const { open, ...settings } of cases) {
    simulator.updateProject(project.id, settings)

    t.match(await gitlab.findProject(project.id), { pipelinesOpen: open }, JSON.stringify(settings))
  }
})

t.test('the role is the effective one', async (t) => {
  simulator.addMember(project.id, { userId: bot.id, accessLevel: 40, kind: 'invited' })

  t.equal(await gitlab.findAccessLevel(project.id, bot.id), 40)
  t.equal(await gitlab.findAccessLevel(project.id, stranger.id), null)
})

t.test('a membership says when it ends', async (t) => {
  const { id: userId } = simulator.createUser({ username: 'tess' })
  simulator.addMember(project.id, { userId, accessLevel: 30, expiresAt: '2099-01-31' })

  t.same(await gitlab.findMembership(project.id, userId), {
    accessLevel: 30,
    expiresAt: new Date('2099-01-31T00:00:00Z'),
  })
  t.match(await gitlab.findMembership(project.id, bot.id), { expiresAt: null })
  t.equal(await gitlab.findMembership(project.id, stranger.id), null)
})

t.test('the projects of a user are listed by their role, a page at a time', async (t) => {
  const user = simulator.createUser({ username: 'lists', admin: true })
  const members = [20, 30, 40, 10].map((accessLevel) => [{ userId: user.id, accessLevel }])
  const made = []
  for (const [index, own] of [...members, []].entries()) {
    made.push(await simulator.createProject({ path: `lists/p${index}`, members: own }))
  }
  const ids = made.map(({ id }) => id)
  const own = createGitLab({ apiUrl: simulator.url, token: user.token })
  const all = { idAfter: 0, idBefore: 1_000_000_000 }

  const list = (filter: GitLabMemberFilter, page = 1) => own.listMemberProjects(filter, page)

  t.same(await list({ minAccessLevel: 20, ...all }), {
    gitlabProjectIds: ids.slice(0, 3),
    hasNextPage: false,
  })
  t.same((await list({ minAccessLevel: 40, ...all })).gitlabProjectIds, [ids[2]])
  const between = { idAfter: ids[0] ?? 0, idBefore: ids[2] ?? 0 }
  t.same((await list({ minAccessLevel: 10, ...between })).gitlabProjectIds, [ids[1]])
  t.match(await own.getCurrentPerson(), { username: 'lists', admin: true, state: 'active' })
})

t.test('a pipeline and its jobs, the newest try of each', async (t) => {
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    mrIid: mr.iid,
    jobs: Array.from({ length: 7 }, (_, index) => ({ name: `train: [${index}]`, stage: 'train' })),
  })
  cutPages(t, 3)
  const [first] = pipeline.jobs
  simulator.setJobStatus(first?.id ?? 0, 'failed', 'script_failure')
  const retried = simulator.retryJob(first?.id ?? 0)

  const found = await gitlab.findPipeline(project.id, pipeline.id)
  const jobs = await gitlab.listPipelineJobs(project.id, pipeline.id)

  t.match(found, {
    id: pipeline.id,
    projectId: project.id,
    sha: mr.sha,
    ref: `refs/merge-requests/${mr.iid}/head`,
    tag: false,
    source: 'merge_request_event',
    webUrl: /^http/,
  })
  t.equal(jobs.length, 7)
  t.equal(jobs.filter(({ name }) => name === 'train: [0]').length, 1)
  t.match(
    jobs.find(({ id }) => id === retried.id),
    { name: 'train: [0]', stage: 'train', allowFailure: false, webUrl: /^http/ },
  )
  t.equal(await gitlab.findPipeline(project.id, 1), null)
})

t.test('a failed job says why', async (t) => {
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    sha: firstCommit,
    ref: 'main',
    jobs: [{ name: 'train' }],
  })
  simulator.setJobStatus(pipeline.jobs[0]?.id ?? 0, 'failed', 'job_execution_timeout')

  t.match(await gitlab.listPipelineJobs(project.id, pipeline.id), [
    { name: 'train', status: 'failed', failureReason: 'job_execution_timeout' },
  ])
})

t.test('a merge request with its diff', async (t) => {
  t.match(await gitlab.findMergeRequest(project.id, mr.iid), {
    iid: mr.iid,
    projectId: project.id,
    state: 'opened',
    title: 'Train deeper',
    sourceBranch: 'feature',
    targetBranch: 'main',
    sourceProjectId: project.id,
    sha: mr.sha,
    baseSha: firstCommit,
    mergeCommitSha: null,
    squashCommitSha: null,
    webUrl: `${simulator.url}/group/sub/project/-/merge_requests/${mr.iid}`,
  })
  t.equal(await gitlab.findMergeRequest(project.id, 999), null)
})

t.test('a merge request whose diff is not ready has no base', async (t) => {
  const slow = await startSimulator({ prepareDelayMs: 60_000 })
  t.teardown(() => slow.close())
  const user = slow.createUser({ username: 'user' })
  const { id: projectId } = await slow.createProject({
    path: 'a/b',
    members: [{ userId: user.id, accessLevel: 40 }],
  })
  for (const branch of ['main', 'feature']) {
    await slow.pushFiles({ projectId, branch, files: { a: branch }, userId: user.id })
  }
  const input = { projectId, sourceBranch: 'feature', targetBranch: 'main', title: 't', userId: user.id }
  const { iid } = await slow.createMergeRequest(input)

  t.match(await connect(user.token, slow).findMergeRequest(projectId, iid), { baseSha: null })
})

t.test('the open merge requests of a branch', async (t) => {
  t.match(await gitlab.listOpenMergeRequests(project.id, 'feature'), [{ iid: mr.iid }])
  t.same(await gitlab.listOpenMergeRequests(project.id, 'feature&source_branch=main'), [])
})

t.test('the commits of a ref, newest first', async (t) => {
  const commits = await gitlab.listCommits(project.id, 'feature', 100)

  t.same(commits[0], { id: mr.sha, parentIds: [firstCommit] })
  t.same(commits[1], { id: firstCommit, parentIds: [] })
  t.equal((await gitlab.listCommits(project.id, 'feature', 1)).length, 1)
})

t.test('a note is made, read, edited and deleted', async (t) => {
  const body = '<!-- mlmm -->\n**1 better** | `a|b` & <b> 🦊'

  const created = await gitlab.createNote(project.id, mr.iid, body)
  t.match(created, { body, authorId: bot.id, system: false })
  t.same(await gitlab.listNotes(project.id, mr.iid), [created])
  t.match(await gitlab.editNote(project.id, mr.iid, created.id, 'edited'), { id: created.id, body: 'edited' })
  await gitlab.deleteNote(project.id, mr.iid, created.id)
  await gitlab.deleteNote(project.id, mr.iid, created.id)
  t.equal(await gitlab.editNote(project.id, mr.iid, created.id, 'again'), null)
})

t.test('all notes are listed, oldest first, whatever the paging', async (t) => {
  const writer = connect(maintainer.token)
  const ids: number[] = []
  for (let index = 0; index < 7; index += 1) {
    ids.push((await writer.createNote(project.id, mr.iid, `note ${index}`)).id)
  }
  Object.assign(simulator.paging, { perPageCap: 3, dropTotals: true, linkToEmptyPage: true })
  t.teardown(() =>
    Object.assign(simulator.paging, { perPageCap: 100, dropTotals: false, linkToEmptyPage: false }),
  )

  const notes = await gitlab.listNotes(project.id, mr.iid)

  t.same(
    notes.map(({ id }) => id),
    ids,
  )
})

t.test("somebody else's note may not be edited by a developer", async (t) => {
  const { id: otherProject } = await simulator.createProject({
    path: 'group/notes',
    members: [
      { userId: maintainer.id, accessLevel: 40 },
      { userId: stranger.id, accessLevel: 30 },
    ],
  })
  for (const branch of ['main', 'feature']) {
    await simulator.pushFiles({
      projectId: otherProject,
      branch,
      files: { a: branch },
      userId: maintainer.id,
    })
  }
  const { iid } = await simulator.createMergeRequest({
    projectId: otherProject,
    sourceBranch: 'feature',
    targetBranch: 'main',
    title: 't',
    userId: maintainer.id,
  })
  const { id } = await connect(maintainer.token).createNote(otherProject, iid, 'mine')

  const failure = await failureOf(connect(stranger.token).editNote(otherProject, iid, id, 'taken'))

  t.match(failure, { kind: 'forbidden', status: 403, outcomeUnknown: false })
})

t.test('a body of quick actions alone is no note', async (t) => {
  t.match(await failureOf(gitlab.createNote(project.id, mr.iid, '/subscribe')), {
    kind: 'unexpected_answer',
    status: 202,
  })
})

t.test('hooks hear of pushes, merge requests and pipelines only', async (t) => {
  const settings = { url: 'http://127.0.0.1:9/webhooks/gitlab', token: 'hook-secret' }
  const admin = connect(maintainer.token)

  const hook = await admin.addHook(project.id, settings)
  t.same(await admin.listHooks(project.id), [{ id: hook.id, url: settings.url }])
  const moved = await admin.editHook(project.id, hook.id, { ...settings, url: `${settings.url}/2` })

  const stored = simulator.state.hooks.get(hook.id)
  const heard = Object.entries(stored?.events ?? {}).filter(([, on]) => on)
  t.equal(moved.url, `${settings.url}/2`)
  t.equal(stored?.token, 'hook-secret', 'the secret is sent again, for GitLab forgets it with the address')
  t.equal(stored?.enableSslVerification, true)
  t.same(heard.map(([name]) => name).sort(), ['merge_requests_events', 'pipeline_events', 'push_events'])
})

t.test('hooks are for maintainers', async (t) => {
  t.match(await failureOf(connect(stranger.token).listHooks(project.id)), { kind: 'not_found' })
  t.match(await failureOf(connect(developer.token).listHooks(project.id)), { kind: 'forbidden' })
})

t.test('what GitLab says of a token is told', async (t) => {
  const withToken = (input: Parameters<Simulator['createToken']>[1]) =>
    connect(simulator.createToken(bot.id, input))

  t.match(await failureOf(connect('glpat-unknown').getCurrentUser()), { kind: 'unauthorized', status: 401 })
  t.match(await failureOf(withToken({ state: 'expired' }).getCurrentUser()), {
    kind: 'unauthorized',
    reason: /invalid_token: Token is expired/,
  })
  t.match(await failureOf(withToken({ state: 'revoked' }).getCurrentUser()), {
    kind: 'unauthorized',
    reason: /Token was revoked/,
  })
  t.match(await failureOf(withToken({ scopes: ['read_api'] }).createNote(project.id, mr.iid, 'x')), {
    kind: 'forbidden',
    reason: /insufficient_scope: The request requires higher privileges/,
  })
})

t.test('a note whose answer is lost is written once, and the outcome is unknown', async (t) => {
  const notes = '/projects/:id/merge_requests/:iid/notes'
  const badGateway = { status: 502, body: '<html>502</html>', headers: { 'content-type': 'text/html' } }
  const before = simulator.listNotes(project.id, mr.iid).length

  for (const fault of [{ cutAfterEffect: true }, { answerAfterEffect: badGateway }]) {
    simulator.faults.add({ method: 'POST', route: notes, times: 1, ...fault })
    t.match(await failureOf(gitlab.createNote(project.id, mr.iid, 'lost')), {
      kind: 'unavailable',
      outcomeUnknown: true,
    })
  }

  t.equal(simulator.listNotes(project.id, mr.iid).length, before + 2)
  t.equal(simulator.calls.length, 2, 'no call is repeated')
})

t.test('too many calls: the token rests', async (t) => {
  const client = connect(bot.token)
  simulator.faults.add({
    route: '/user',
    times: 1,
    status: 429,
    body: 'Retry later\n',
    headers: { 'retry-after': '7' },
  })

  t.match(await failureOf(client.getCurrentUser()), { kind: 'rate_limited', status: 429, retryAfterMs: 7000 })
  t.match(await failureOf(client.findProject(project.id)), { kind: 'rate_limited', status: null })
  t.equal(simulator.calls.length, 1)
})

t.test('the event that a call answers to is passed on', async (t) => {
  await gitlab.withContext({ eventUuid: 'event-1' }).findProject(project.id)

  t.match(simulator.calls, [{ eventUuid: 'event-1', userId: bot.id }])
})
