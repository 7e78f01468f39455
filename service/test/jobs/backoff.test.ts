import t from 'tap'
import { GitLabError } from '../../gitlab/errors.js'
import { planRetry } from '../../jobs/backoff.js'

const middle = () => 0.5

function limited(retryAfterMs: number, kind: 'rate_limited' | 'unavailable' = 'rate_limited'): GitLabError {
  return new GitLabError({
    kind,
    status: kind === 'unavailable' ? 503 : 429,
    endpoint: 'GET /projects/7',
    reason: 'Retry later',
    retryAfterMs,
    outcomeUnknown: false,
  })
}

t.test('the ladder is 10 s, 1 min, 5 min, 30 min, then dead', async (t) => {
  const delays = [0, 1, 2, 3, 4].map((attempts) => planRetry(new Error('x'), attempts, middle).delayMs)

  t.same(delays, [10_000, 60_000, 300_000, 1_800_000, null])
})

t.test('jitter moves a step by at most a fifth', async (t) => {
  t.equal(planRetry(new Error('x'), 0, () => 0).delayMs, 8_000)
  t.equal(planRetry(new Error('x'), 0, () => 0.999_999_9).delayMs, 12_000)
})

t.test('Retry-After takes the place of the step, within a second and an hour', async (t) => {
  t.match(planRetry(limited(42_000), 2, middle), { delayMs: 42_000, freshDelayMs: 42_000 })
  t.equal(planRetry(limited(0), 0, middle).delayMs, 1_000)
  t.equal(planRetry(limited(1e12), 0, middle).delayMs, 3_600_000)
  t.match(planRetry(limited(42_000, 'unavailable'), 2, middle), { delayMs: 42_000, freshDelayMs: 42_000 })
  t.equal(planRetry(limited(42_000, 'unavailable'), 4, middle).delayMs, null, 'the last try stays the last')
})

t.test('an error that no repeat can mend ends the job', async (t) => {
  const plan = planRetry(Object.assign(new Error('no such project'), { retryable: false }), 0, middle)

  t.match(plan, { delayMs: null, freshDelayMs: 10_000, message: 'no such project' })
})

t.test('whatever is thrown becomes a short message', async (t) => {
  t.equal(planRetry('text', 0, middle).message, 'text')
  t.equal(planRetry(new Error('x'.repeat(9_000)), 0, middle).message.length, 500)
})

t.test('waiting for a limit of GitLab is no failed try', async (t) => {
  t.match(planRetry(limited(42_000), 4, middle), { delayMs: 42_000, isCounted: false })
  t.match(planRetry(limited(42_000, 'unavailable'), 3, middle), { isCounted: true })
})
