import t from 'tap'
import { startSimulator } from '../../../simulator/simulator.js'
import { createGitLab } from '../../gitlab/client.js'
import { createRulesReader } from '../../jobs/rules-reader.js'
import type { Project } from '../../stores/project-store.js'

const simulator = await startSimulator()
t.teardown(() => simulator.close())
const bot = simulator.createUser({ username: 'bot', name: 'Bot', bot: true })
const filesRoute = '/projects/:id/repository/files/:path'

async function startProject(path: string, rules: string | null) {
  const { id } = await simulator.createProject({ path, members: [{ userId: bot.id, accessLevel: 30 }] })
  const files = { 'train.py': 'print(1)\n', ...(rules !== null && { '.mlmm.yml': rules }) }
  await simulator.pushFiles({ projectId: id, userId: bot.id, branch: 'main', files })
  let nowMs = 0
  const clock = { advance: (ms: number) => (nowMs += ms), now: () => new Date(nowMs) }
  const reader = createRulesReader({
    gitlab: createGitLab({ apiUrl: simulator.url, token: bot.token, timeoutMs: 5_000 }),
    clock: clock.now,
  })
  // The reader looks at nothing else of it.
  const project = { id: path, gitlabProjectId: id } as Project
  const push = (text: string) =>
    simulator.pushFiles({ projectId: id, userId: bot.id, branch: 'main', files: { '.mlmm.yml': text } })
  return { project, reader, clock, push }
}

function filesAsked(): number {
  return simulator.calls.filter(({ route }) => route === filesRoute).length
}

t.test('what a branch says is asked for once in a while, what a commit says once', async (t) => {
  const { project, reader, clock, push } = await startProject('a/cached', 'missing: fail\n')
  simulator.clearCalls()

  const first = await reader.atBranch(project, 'main')
  await reader.atBranch(project, 'main')
  t.match(first, { state: 'read', rules: { missing: 'fail' } })
  t.equal(filesAsked(), 1)

  const head = await push('missing: pass\n')
  clock.advance(20_001)
  t.match(await reader.atBranch(project, 'main'), { commit: head, rules: { missing: 'pass' } })
  t.match(await reader.atCommit(project, first.commit ?? ''), { rules: { missing: 'fail' } })
  clock.advance(1e9)
  await reader.atCommit(project, first.commit ?? '')
  t.equal(filesAsked(), 3)
})

t.test('a tag of the same name is not the branch', async (t) => {
  const { project, reader } = await startProject('a/tagged', 'missing: fail\n')

  await reader.atBranch(project, 'main')

  const asked = simulator.calls.findLast(({ route }) => route === filesRoute)
  t.match(asked?.path, 'ref=refs%2Fheads%2Fmain')
})

t.test('no file is no rules, a wrong one and one that GitLab hides are unreadable', async (t) => {
  const none = await startProject('a/none', null)
  t.match(await none.reader.atBranch(none.project, 'main'), { state: 'none', problems: [] })

  const wrong = await startProject('a/wrong', 'result: {}\n')
  t.match(await wrong.reader.atBranch(wrong.project, 'main'), {
    state: 'unreadable',
    problems: [{ line: 1 }],
  })

  const large = await startProject('a/large', `# ${'x'.repeat(2_000_000)}\n`)
  t.match(await large.reader.atBranch(large.project, 'main'), { state: 'unreadable' })

  const hidden = await startProject('a/hidden', 'missing: fail\n')
  simulator.faults.add({ route: filesRoute, times: 1, status: 403, body: { message: '403 Forbidden' } })
  t.match(await hidden.reader.atBranch(hidden.project, 'main'), { state: 'unreadable' })
})

t.test('files that are too large are told apart without being kept', async (t) => {
  const { project, reader, clock, push } = await startProject('a/heavy', `# ${'x'.repeat(200_000)}\n`)
  const first = await reader.atBranch(project, 'main')
  await push(`# ${'y'.repeat(200_000)}\n`)
  clock.advance(20_001)

  const second = await reader.atBranch(project, 'main')

  t.match(second, { state: 'unreadable' })
  t.not(first.text, second.text)
  t.ok((second.text?.length ?? 0) < 100)
})

t.test('while GitLab is away nothing is concluded, and nothing of it is kept', async (t) => {
  const { project, reader } = await startProject('a/away', 'missing: fail\n')
  simulator.faults.add({ route: filesRoute, times: 1, status: 503, body: {} })

  await t.rejects(reader.atBranch(project, 'main'))

  t.match(await reader.atBranch(project, 'main'), { state: 'read', rules: { missing: 'fail' } })
})
