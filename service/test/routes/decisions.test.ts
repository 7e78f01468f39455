import t from 'tap'
import type { Project } from '../../stores/project-store.js'
import { projectFacts } from '../../connection/project-refresh.js'
import type { StoredComparison } from '../../stores/comparison-store.js'
import { call, makeToken } from '../support/people.js'
import { startTestService, type TestProject } from '../support/service.js'

const service = await startTestService(t, { worker: false })
const { simulator, stores } = service

const open = await service.createProject('research/open')
const hidden = await service.createProject('research/hidden', { visibility: 'private' })
const inside = await service.createProject('research/inside', { visibility: 'internal' })

const roles = { guest: 10, reporter: 20, developer: 30, maintainer: 40, owner: 50 } as const
type RoleName = keyof typeof roles | 'nobody'
const people = {} as Record<RoleName, { id: number; token: string; readToken: string }>
for (const name of ['guest', 'reporter', 'developer', 'maintainer', 'owner', 'nobody'] as const) {
  const { id } = simulator.createUser({ username: name, name })
  if (name !== 'nobody') {
    for (const { id: projectId } of [open, hidden]) {
      simulator.addMember(projectId, { userId: id, accessLevel: roles[name] })
    }
  }
  people[name] = {
    id,
    token: await makeToken(service, id),
    readToken: await makeToken(service, id, { scope: 'read' }),
  }
}

async function connect(project: TestProject, visibility: Project['visibility']): Promise<Project> {
  const gitlab = { id: project.id, path: project.path, webUrl: `${simulator.url}/${project.path}` }
  const facts = { defaultBranch: 'main', visibility, pipelinesOpen: true, archived: false }
  return stores.projects.connect(projectFacts({ ...gitlab, ...facts, forkedFromProjectId: null }), new Date())
}

const openProject = await connect(open, 'public')
const hiddenProject = await connect(hidden, 'private')
const insideProject = await connect(inside, 'internal')

const head = 'a'.repeat(40)
let iids = 0

interface Compared extends Partial<StoredComparison> {
  of?: Project
}

async function compared({ of = openProject, ...changes }: Compared = {}): Promise<number> {
  iids += 1
  await stores.comparisons.save({
    projectId: of.id,
    mrIid: iids,
    mrState: 'opened',
    mrUrl: `${of.webUrl}/-/merge_requests/${iids}`,
    sourceBranch: `feature-${iids}`,
    targetBranch: 'elsewhere',
    baseSha: 'b'.repeat(40),
    commitsBehind: null,
    headSha: head,
    previousHeadSha: null,
    jobIds: [],
    summary: '',
    lines: [],
    table: { columns: [], rows: [], rowsTotal: 0 },
    pipeline: { id: 1, url: '', status: 'success' } as unknown as StoredComparison['pipeline'],
    verdict: {
      state: 'fail',
      broken: [
        { key: 'accuracy', level: 'fail', accepted: false },
        { key: 'loss', level: 'fail', accepted: false },
        { key: 'time', level: 'warn', accepted: false },
      ],
    },
    judgedAt: new Date(),
    ...changes,
  })
  return iids
}

function acceptance(iid: number, project: TestProject = open): string {
  return `/api/v1/projects/${project.id}/merge_requests/${iid}/acceptance`
}

const because = { reason: 'Smaller model, agreed with the team' }

async function accept(iid: number, who: RoleName, body: object = because, project = open) {
  return call(service, 'POST', acceptance(iid, project), { body, token: people[who].token })
}

t.test('a maintainer accepts what is broken at the compared head', async (t) => {
  const iid = await compared()

  const answer = await accept(iid, 'maintainer')

  t.equal(answer.status, 201, answer.text)
  t.match(answer.json, {
    merge_request: iid,
    head_sha: head,
    broken: [
      { key: 'accuracy', accepted: true },
      { key: 'loss', accepted: true },
      { key: 'time', accepted: false },
    ],
    acceptances: [
      {
        keys: ['accuracy', 'loss'],
        reason: because.reason,
        by: { id: people.maintainer.id, username: 'maintainer' },
        withdrawn_at: null,
      },
    ],
  })
  t.match(await stores.decisions.findAcceptances(openProject.id, iid, head), [
    { keys: ['accuracy', 'loss'], headSha: head, username: 'maintainer' },
  ])
  t.same(await stores.decisions.findAcceptances(openProject.id, iid, 'c'.repeat(40)), [])
  t.ok(await isNoteDue(openProject, iid), 'its note is written anew')
})

async function isNoteDue(project: Project, iid: number): Promise<boolean> {
  return stores.jobs.isUnderWay({ keys: [`note:${project.id}:${iid}`], looks: '-', withinMs: 60_000 })
}

t.test('accepting twice, also at the same time, is one acceptance', async (t) => {
  const iid = await compared()

  const answers = await Promise.all(Array.from({ length: 5 }, () => accept(iid, 'maintainer')))
  const again = await accept(iid, 'owner')

  t.same(answers.map(({ status }) => status).toSorted(), [200, 200, 200, 200, 201])
  t.equal(again.status, 200)
  t.equal((await stores.decisions.findAcceptances(openProject.id, iid, head)).length, 1)
})

t.test('named rules are accepted, the rest later', async (t) => {
  const iid = await compared()

  const first = await accept(iid, 'maintainer', { ...because, keys: ['time', 'loss'], head_sha: head })
  const second = await accept(iid, 'maintainer')

  t.same([first.status, second.status], [201, 201])
  const rows = await stores.decisions.findAcceptances(openProject.id, iid, head)
  t.same(
    rows.map(({ keys }) => keys),
    [['time', 'loss'], ['accuracy']],
  )
})

t.test('what was withdrawn is kept, and can be accepted again', async (t) => {
  const iid = await compared()
  await accept(iid, 'maintainer')

  const withdrawn = await call(service, 'DELETE', acceptance(iid), { token: people.owner.token })
  const none = await call(service, 'DELETE', acceptance(iid), { token: people.owner.token })

  t.same([withdrawn.status, none.status], [200, 200])
  t.match(none.json, {
    broken: [{ accepted: false }, { accepted: false }, { accepted: false }],
    acceptances: [{ by: { username: 'maintainer' }, withdrawn_by: { username: 'owner' } }],
  })
  t.same(await stores.decisions.findAcceptances(openProject.id, iid, head), [])
  t.equal((await accept(iid, 'maintainer')).status, 201)
})

t.test('an older head is refused with the newer one', async (t) => {
  const iid = await compared()

  const answer = await accept(iid, 'maintainer', { ...because, head_sha: 'd'.repeat(40) })

  t.match(answer, { status: 409, json: { code: 'HEAD_CHANGED', title: new RegExp(head), field: 'head_sha' } })
})

const nothing: [title: string, changes: Compared, body?: object][] = [
  ['no rule was asked', { verdict: undefined }],
  [
    'only a warning is broken',
    { verdict: { state: 'warn', broken: [{ key: 'k', level: 'warn', accepted: false }] } },
  ],
  ['the merge request is merged', { mrState: 'merged' }],
  ['a named rule is not broken', {}, { ...because, keys: ['accuracy', 'other'] }],
]
for (const [title, changes, body] of nothing) {
  t.test(`there is nothing to accept where ${title}`, async (t) => {
    const answer = await accept(await compared(changes), 'maintainer', body)

    t.match(answer, { status: 409, json: { code: 'NOTHING_TO_ACCEPT' } })
  })
}

const badBodies: [title: string, body: unknown, status: number, code: string][] = [
  ['no reason', {}, 400, 'INVALID_BODY'],
  ['a blank reason', { reason: ' \n\t ' }, 400, 'INVALID_BODY'],
  ['a reason of 501 characters', { reason: 'x'.repeat(501) }, 400, 'INVALID_BODY'],
  ['a reason with NUL', '{"reason": "a\\u0000b"}', 400, 'INVALID_BODY'],
  ['a reason with half a character', '{"reason": "a\\ud800b"}', 400, 'INVALID_BODY'],
  ['an unknown key', { ...because, head: head }, 400, 'UNKNOWN_FIELD'],
  ['a short head', { ...because, head_sha: 'abc' }, 400, 'INVALID_BODY'],
  ['no keys in a list', { ...because, keys: [] }, 400, 'INVALID_BODY'],
  ['a list', [], 400, 'INVALID_BODY'],
  ['no JSON', '{', 400, 'INVALID_JSON'],
  ['65 kB', { reason: 'x'.repeat(65 * 1024) }, 413, 'BODY_TOO_LARGE'],
]
t.test('bad bodies are refused with their field', async (t) => {
  const iid = await compared()
  for (const [title, body, status, code] of badBodies) {
    const answer = await call(service, 'POST', acceptance(iid), { body, token: people.maintainer.token })
    t.match(answer, { status, json: { code } }, title)
  }
  t.same(await stores.decisions.findAcceptances(openProject.id, iid, head), [])
})

t.test('a merge request without results is not found', async (t) => {
  for (const iid of ['4711', '0', 'x', '1e3']) {
    const path = `/api/v1/projects/${open.id}/merge_requests/${iid}/acceptance`
    const answer = await call(service, 'POST', path, { body: because, token: people.maintainer.token })
    t.match(answer, { status: 404, json: { code: 'NOT_FOUND' } }, iid)
  }
})

const mayAccept: Record<RoleName, [open: number, hidden: number]> = {
  nobody: [403, 404],
  guest: [403, 404],
  reporter: [403, 403],
  developer: [403, 403],
  maintainer: [201, 201],
  owner: [201, 201],
}
t.test('who may accept, by role', async (t) => {
  for (const [name, [inOpen, inHidden]] of Object.entries(mayAccept)) {
    const who = name as RoleName
    const [iid, hiddenIid] = [await compared(), await compared({ of: hiddenProject })]
    t.equal((await accept(iid, who)).status, inOpen, `${who} in an open project`)
    t.equal((await accept(hiddenIid, who, because, hidden)).status, inHidden, `${who} in a private project`)
  }
  const refused = await accept(await compared(), 'developer')
  t.match(refused.json, {
    code: 'ROLE_TOO_LOW',
    title: /Maintainer of research\/open.*developer is Developer/,
  })
  const stranger = await accept(await compared(), 'nobody')
  t.match(stranger.json, { code: 'ROLE_TOO_LOW', title: /nobody is no member/ })
})

const mayExclude: Record<RoleName, [open: number, hidden: number]> = {
  ...mayAccept,
  developer: [201, 201],
}
t.test('who may exclude, by role', async (t) => {
  for (const [name, [inOpen, inHidden]] of Object.entries(mayExclude)) {
    const who = name as RoleName
    const { token } = people[who]
    const [shown, secret] = [await train(open), await train(hidden)]
    t.equal((await call(service, 'POST', shown.path, { body: because, token })).status, inOpen, who)
    t.equal((await call(service, 'POST', secret.path, { body: because, token })).status, inHidden, who)
  }
})

let trained = 0

/** One model more; without a worker its pipeline is not known. */
async function train(project: TestProject, known: { jobId?: number; name?: string } = {}) {
  trained += 1
  const name = known.name ?? `tree-${trained}`
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    sha: project.head,
    ref: 'main',
    jobs: [{ name: 'train' }],
  })
  const jobId = known.jobId ?? pipeline.jobs[0]?.id ?? 0
  simulator.setJobStatus(jobId, 'running')
  const answer = await service.report(jobId, {
    job: { name: 'train' },
    models: [{ name, results: { a: 1 } }],
  })
  if (answer.status !== 202) throw new Error(answer.text)
  const [model] = answer.json.models as { id: string }[]
  const id = model?.id ?? ''
  return { id, name, jobId, path: `/api/v1/projects/${project.id}/models/${id}/exclusion` }
}

t.test('a developer excludes a model and includes it again', async (t) => {
  const { token } = people.developer
  const { id, jobId, path } = await train(open)
  const against = await compared({ targetBranch: 'main' })
  const unrelated = await compared({ headSha: 'e'.repeat(40) })
  const atHead = await compared({ headSha: open.head })

  const first = await call(service, 'POST', path, { body: because, token })
  const again = await call(service, 'POST', path, { body: { reason: 'Again' }, token })

  t.same([first.status, again.status], [201, 200])
  t.match(again.json, {
    model: id,
    excluded: true,
    exclusions: [{ job: jobId, reason: because.reason, by: { username: 'developer' }, included_at: null }],
  })
  t.match(await stores.decisions.listExclusions(openProject.id, { modelIds: [id] }), [{ modelId: id, jobId }])
  t.ok(await isNoteDue(openProject, against), 'the note of a merge request into its branch')
  t.ok(await isNoteDue(openProject, atHead), 'the note of a merge request with its head')
  t.notOk(await isNoteDue(openProject, unrelated), 'no other note')

  const included = await call(service, 'DELETE', path, { token: people.maintainer.token })
  t.match(included.json, { excluded: false, exclusions: [{ included_by: { username: 'maintainer' } }] })
  const held = await stores.decisions.listExclusions(openProject.id, 'all')
  t.notOk(held.some(({ modelId }) => modelId === id))
  t.equal((await call(service, 'POST', path, { body: because, token })).status, 201)
  t.equal((await call(service, 'GET', path, { token })).json.excluded, true)
})

t.test('a later upload of an excluded model is not excluded', async (t) => {
  const { token } = people.developer
  const { id, name, jobId, path } = await train(open)
  await call(service, 'POST', path, { body: because, token })
  simulator.setJobStatus(jobId, 'failed')

  const retried = await train(open, { name, jobId: simulator.retryJob(jobId).id })

  t.equal(retried.id, id)
  const { json } = await call(service, 'GET', path, { token })
  t.match(json, { excluded: false, exclusions: [{ job: jobId, included_at: null }] })
})

t.test('a model of another project is not found', async (t) => {
  const { id } = await train(hidden)

  const path = `/api/v1/projects/${open.id}/models/${id}/exclusion`
  const answer = await call(service, 'POST', path, { body: because, token: people.owner.token })

  t.match(answer, { status: 404, json: { code: 'NOT_FOUND' } })
})

t.test('who may read decisions, by role and visibility', async (t) => {
  const iid = await compared()
  const hiddenIid = await compared({ of: hiddenProject })
  const insideIid = await compared({ of: insideProject })
  const external = simulator.createUser({ username: 'guest-worker', external: true })
  const read = async (path: string, token: string) => (await call(service, 'GET', path, { token })).status

  t.equal(await read(acceptance(iid), people.nobody.readToken), 200)
  t.equal(await read(acceptance(hiddenIid, hidden), people.nobody.readToken), 404)
  t.equal(await read(acceptance(hiddenIid, hidden), people.guest.readToken), 404)
  t.equal(await read(acceptance(hiddenIid, hidden), people.reporter.readToken), 200)
  // GitLab tells a bot that is no administrator of nobody whether they are external.
  t.equal(await read(acceptance(insideIid, inside), people.nobody.readToken), 404)
  t.equal(await read(acceptance(insideIid, inside), await makeToken(service, external.id)), 404)
  const unknown = await call(service, 'GET', '/api/v1/projects/p0/merge_requests/1/acceptance', {
    token: people.owner.token,
  })
  const secret = await call(service, 'GET', acceptance(hiddenIid, hidden), { token: people.guest.token })
  t.same({ ...secret.json, request: 0 }, { ...unknown.json, request: 0 }, 'hidden looks like not there')
})

t.test('models of a private project are read with a personal token', async (t) => {
  const { id } = await train(hidden)
  const iid = await compared({ of: hiddenProject })
  const base = `/api/v1/projects/${hidden.id}`
  const paths = [base, `${base}/models`, `${base}/models/${id}`, `${base}/merge_requests/${iid}`]
  for (const path of paths) {
    const read = async (token?: string) => (await call(service, 'GET', path, { token })).status
    t.same(
      [await read(people.reporter.readToken), await read(people.guest.token), await read()],
      [200, 404, 404],
      path,
    )
  }
})

t.test('a token that may only read decides nothing', async (t) => {
  const iid = await compared()
  const { readToken: token } = people.owner

  const answer = await call(service, 'POST', acceptance(iid), { body: because, token })

  t.match(answer, { status: 403, json: { code: 'API_TOKEN_READ_ONLY' } })
  t.same(await stores.decisions.findAcceptances(openProject.id, iid, head), [])
})

t.test('a maintainer says whether forks may report', async (t) => {
  const path = `/api/v1/projects/${open.id}`
  const patch = (body: object, who: RoleName) =>
    call(service, 'PATCH', path, { body, token: people[who].token })

  t.equal((await service.get(path)).json.fork_reports, 'refused')
  t.match(await patch({ fork_reports: 'allowed' }, 'developer'), {
    status: 403,
    json: { code: 'ROLE_TOO_LOW' },
  })
  t.match(await patch({ fork_reports: 'maybe' }, 'maintainer'), {
    status: 400,
    json: { field: 'fork_reports' },
  })
  t.match(await patch({ fork_reports: 'allowed' }, 'maintainer'), {
    status: 200,
    json: { id: openProject.id, fork_reports: 'allowed' },
  })
  t.equal((await service.get(path)).json.fork_reports, 'allowed')
})
