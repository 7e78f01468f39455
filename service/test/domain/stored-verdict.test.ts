import t from 'tap'
import type { BrokenRule, Verdict } from '../../domain/verdict.js'
import { toStoredRules, toStoredVerdict, withAcceptances } from '../../domain/stored-verdict.js'

function broken(index: number): BrokenRule {
  return {
    key: `key-${index}`,
    level: 'fail',
    kind: 'required',
    dataset: '語'.repeat(200),
    name: '語'.repeat(200),
    result: null,
    limit: null,
    row: null,
    withinNoise: false,
    acceptance: null,
  }
}

function verdict(number: number): Verdict {
  return {
    state: 'fail',
    applied: number,
    broken: Array.from({ length: number }, (_, index) => broken(index)),
  }
}

t.test('every broken rule keeps its key, and the first ones what they say', async (t) => {
  const stored = toStoredVerdict(verdict(5_000))

  t.equal(stored.broken.length, 5_000)
  t.match(stored.broken.at(-1), { key: 'key-4999', level: 'fail', accepted: false })
  t.equal(stored.broken.filter(({ shown }) => shown !== undefined).length, 200)
  t.ok(Buffer.byteLength(JSON.stringify(stored)) < 1024 * 1024)
})

t.test('what does not fit is counted', async (t) => {
  const stored = toStoredVerdict(verdict(20_000))

  t.equal(stored.broken.length, 10_000)
  t.equal(stored.brokenTotal, 20_000)
})

t.test('who accepted it stays with the rule', async (t) => {
  const acceptance = { keys: ['key-0'], headSha: 'a', username: 'maya', reason: 'known', at: new Date(0) }
  const stored = toStoredVerdict({ state: 'pass', applied: 1, broken: [{ ...broken(0), acceptance }] })

  t.match(stored.broken, [
    { accepted: true, shown: { acceptance: { username: 'maya', reason: 'known', at: new Date(0) } } },
  ])
})

t.test('rules are kept without the verdicts behind them', async (t) => {
  const change = { subject: 'a', scope: null, field: 'warn', old: null, new: '1pp', weaker: true }
  const stored = toStoredRules({
    rules: { state: 'read', path: '.mlmm.yml', commit: 'abc', problems: [] },
    editedRules: { changes: Array.from({ length: 150 }, () => change), problems: [], verdict: verdict(1) },
    exclusions: [],
  })

  t.match(stored.edited, { changesTotal: 150, state: 'fail' })
  t.equal(stored.edited?.changes.length, 100)
})

t.test('what was accepted or withdrawn since counts at once', async (t) => {
  const stored = toStoredVerdict(verdict(2))
  const by = { headSha: 'a', username: 'maya', reason: 'agreed', at: new Date(0) }

  const one = withAcceptances(stored, [{ ...by, keys: ['key-0'] }])
  const both = withAcceptances(stored, [{ ...by, keys: ['key-0', 'key-1'] }])
  const none = withAcceptances(both, [])

  t.equal(one.state, 'fail')
  t.match(one.broken, [{ accepted: true, shown: { acceptance: { username: 'maya' } } }, { accepted: false }])
  t.equal(both.state, 'pass')
  t.equal(none.state, 'fail')
  t.match(none.broken[0], { accepted: false, shown: { acceptance: null } })
})
