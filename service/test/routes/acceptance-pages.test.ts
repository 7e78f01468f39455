import t from 'tap'
import { projectFacts } from '../../connection/project-refresh.js'
import { startTestService } from '../support/service.js'
import { signIn } from '../support/sign-in.js'

const service = await startTestService(t, { worker: false })
const { simulator, stores, maintainer, db } = service
const project = await service.createProject('research/iris')
const developer = simulator.createUser({ username: 'dora', name: 'Dora Developer' })
simulator.addMember(project.id, { userId: developer.id, accessLevel: 30 })
const gitlab = { id: project.id, path: project.path, webUrl: `${simulator.url}/${project.path}` }
const facts = { defaultBranch: 'main', visibility: 'public', pipelinesOpen: true, archived: false } as const
const { id } = await stores.projects.connect(
  projectFacts({ ...gitlab, ...facts, forkedFromProjectId: null }),
  new Date(),
)
const maya = await signIn(service, maintainer.id)
const dora = await signIn(service, developer.id)
const headSha = 'a'.repeat(40)

async function compared(mrIid: number): Promise<void> {
  const shown = {
    kind: 'required',
    dataset: 'iris',
    name: 'tree',
    result: null,
    limit: null,
    withinNoise: false,
    acceptance: null,
  } as const
  await stores.comparisons.save({
    projectId: id,
    mrIid,
    mrState: 'opened',
    mrUrl: '',
    sourceBranch: 'feature',
    targetBranch: 'main',
    baseSha: 'b'.repeat(40),
    commitsBehind: null,
    headSha,
    previousHeadSha: null,
    jobIds: [],
    summary: 'gate failed, 1 rule broken',
    lines: [],
    table: { columns: [], rows: [], rowsTotal: 0 },
    pipeline: { id: 1, state: 'finished', jobsReported: 1, jobsTotal: 1, failedJobs: [] },
    verdict: {
      state: 'fail',
      applied: 1,
      broken: [{ key: 'k', level: 'fail', accepted: false, shown }],
      brokenTotal: 1,
    },
    judgedAt: new Date(),
  })
}

const pageOf = (mrIid: number) => `/research/iris/-/merge_requests/${mrIid}`
const formOf = (mrIid: number, form: 'accept' | 'withdraw') =>
  `/-/projects/${id}/merge_requests/${mrIid}/${form}`

t.test('a Maintainer accepts on the page with a reason, and withdraws it', async (t) => {
  await compared(1)
  const before = await maya.get(pageOf(1))

  const accepted = await maya.post(formOf(1, 'accept'), { reason: 'agreed\r\nwith all', head_sha: headSha })
  const after = await maya.get(accepted.headers.get('location') ?? '')
  const withdrawn = await maya.post(formOf(1, 'withdraw'))
  const again = await maya.get(withdrawn.headers.get('location') ?? '')

  t.match(before.text, `action="${formOf(1, 'accept')}"`)
  t.match(before.text, 'Gate failed: 1 rule broken.')
  t.equal(accepted.status, 303, accepted.text)
  t.match(after.text, '<p role="status" class="better">Accepted.')
  t.match(after.text, 'Gate passed: 1 broken rule accepted.')
  t.match(after.text, /1 rule accepted by <bdi>maya<\/bdi> at .*: agreed/)
  t.match(after.text, `action="${formOf(1, 'withdraw')}"`)
  t.match(again.text, 'Withdrawn.')
  t.match(again.text, 'Gate failed: 1 rule broken.')
  t.ok(
    await db
      .collection('jobs')
      .findOne({ _id: `note:${id}:1` as never })
      .then((found) => found !== null),
  )
})

t.test('nothing is accepted without a reason, at another head, or twice over', async (t) => {
  await compared(2)
  const results = []
  for (const fields of [
    { reason: ' ', head_sha: headSha },
    { reason: 'x'.repeat(501), head_sha: headSha },
    { reason: 'fine', head_sha: 'c'.repeat(40) },
  ]) {
    const answer = await maya.post(formOf(2, 'accept'), fields)
    results.push(answer.headers.get('location')?.split('result=')[1])
  }
  await stores.comparisons.setState(id, 2, 'merged')
  const merged = await maya.post(formOf(2, 'accept'), { reason: 'late', head_sha: headSha })

  t.same(results, ['no-reason', 'no-reason', 'head-changed'])
  t.match(merged.headers.get('location'), /result=nothing$/)
  t.same(await stores.decisions.listAcceptanceHistory(id, 2), [])
})

t.test('a Developer finds no form, and is refused one', async (t) => {
  await compared(3)

  const page = await dora.get(pageOf(3))
  const answer = await dora.post(formOf(3, 'accept'), { reason: 'mine', head_sha: headSha })

  t.notMatch(page.text, 'merge_requests/3/accept"')
  t.match(page.text, 'A Maintainer can accept')
  t.equal(answer.status, 403)
  t.same(await stores.decisions.listAcceptanceHistory(id, 3), [])
})

t.test('forms of other sites are refused, and numbers of nothing not found', async (t) => {
  await compared(4)
  const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }

  const answer = await maya.post(formOf(4, 'accept'), { reason: 'theirs', head_sha: headSha }, foreign)
  const nothing = await maya.post(formOf(99, 'accept'), { reason: 'none', head_sha: headSha })

  t.equal(answer.status, 403)
  t.equal(nothing.status, 404)
  t.same(await stores.decisions.listAcceptanceHistory(id, 4), [])
})
