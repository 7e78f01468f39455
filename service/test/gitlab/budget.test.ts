import t from 'tap'
import { createBudget } from '../../gitlab/budget.js'

const nowSeconds = 1_767_225_600
const noteCreation = 'POST /projects/7/merge_requests/3/notes'
const reading = { endpoint: 'GET /projects/7', isBackground: false }
const polling = { endpoint: 'GET /projects/7/pipelines/1/jobs', isBackground: true }
const posting = { endpoint: noteCreation, isBackground: false }

function left(remaining: number, limit = 2000) {
  return {
    status: 200,
    headers: new Headers({
      'ratelimit-limit': String(limit),
      'ratelimit-remaining': String(remaining),
      'ratelimit-reset': String(nowSeconds + 40),
    }),
  }
}

function budgetAt() {
  let nowMs = nowSeconds * 1000
  return { budget: createBudget(() => nowMs), pass: (ms: number) => (nowMs += ms) }
}

t.test('polling stops where a quarter of the limit is left; what people wait for goes on', async (t) => {
  const { budget, pass } = budgetAt()

  budget.learn(polling, left(501))
  t.equal(budget.waitMs(polling), 0)
  budget.learn(reading, left(500))

  t.equal(budget.waitMs(polling), 40_000)
  t.equal(budget.waitMs(reading), 0)
  t.equal(budget.waitMs(posting), 0)
  pass(40_000)
  t.equal(budget.waitMs(polling), 0, 'until the reset')
})

t.test('an answer of the next window ends the reserve', async (t) => {
  const { budget } = budgetAt()

  budget.learn(reading, left(10))
  budget.learn(reading, left(1999))

  t.equal(budget.waitMs(polling), 0)
})

t.test('too many notes: other calls go on', async (t) => {
  const { budget, pass } = budgetAt()

  t.equal(budget.learn(posting, { status: 429, headers: new Headers() }), 60_000)

  t.equal(budget.waitMs(posting), 60_000)
  t.equal(budget.waitMs({ ...posting, endpoint: noteCreation.replace('/3/', '/4/') }), 60_000)
  t.equal(budget.waitMs(reading), 0)
  t.equal(budget.waitMs({ ...reading, endpoint: `PUT ${noteCreation.slice(5)}/9` }), 0)
  pass(60_000)
  t.equal(budget.waitMs(posting), 0)
})

t.test('too many notes while the throttle is far away: its reset does not count', async (t) => {
  const { budget } = budgetAt()

  budget.learn(posting, { ...left(1900), status: 429 })

  t.equal(budget.waitMs(posting), 60_000)
  t.equal(budget.waitMs(reading), 0)
})

t.test('a throttle of the whole token rests all calls, whichever call met it', async (t) => {
  const { budget } = budgetAt()

  budget.learn(posting, { status: 429, headers: new Headers({ 'retry-after': '30' }) })

  t.equal(budget.waitMs(reading), 30_000)
  t.equal(budget.waitMs(posting), 30_000)
})
