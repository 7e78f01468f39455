import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { browserWith, signIn } from '../support/sign-in.js'
import { type Answer, startTestService } from '../support/service.js'

const most = 300
const wrongToken = `mlmm_${'x'.repeat(43)}`

async function repeat(times: number, ask: () => Promise<Answer>): Promise<Answer[]> {
  const answers: Answer[] = []
  while (answers.length < times) {
    answers.push(...(await Promise.all(Array.from({ length: Math.min(20, times - answers.length) }, ask))))
  }
  return answers
}

const statuses = (answers: Answer[]) => [...new Set(answers.map(({ status }) => status))]

t.test('after 300 refused tokens in a minute an address waits, but for what is authentic', async (t) => {
  const service = await startTestService(t, { worker: false })
  const { maintainer } = service
  const project = await service.createProject('research/iris')
  const browser = await signIn(service, maintainer.id)
  const token = await makeToken(service, maintainer.id)
  const pipeline = service.simulator.createPipeline({
    projectId: project.id,
    sha: project.head,
    ref: 'main',
    jobs: [{ name: 'train' }],
  })
  const jobId = pipeline.jobs[0]?.id ?? 0
  service.simulator.setJobStatus(jobId, 'running')
  const ask = (one?: string) => call(service, 'GET', '/api/v1/user', { token: one })

  await repeat(most + 20, () => ask(token))
  await repeat(20, () => ask())
  t.same(statuses(await repeat(most, () => ask(wrongToken))), [401], 'only refusals count')
  const slowed = await ask(wrongToken)

  t.match(slowed, { status: 429, json: { code: 'TOO_MANY_REQUESTS', retryable: true } })
  const seconds = Number(slowed.headers.get('retry-after'))
  t.ok(seconds >= 1 && seconds <= 60, String(seconds))
  t.match(await service.report(jobId, {}, { token: 'x.y.z' }), { status: 429 }, 'an ID token')
  const hook = { headers: { 'x-gitlab-token': 'wrong' }, body: {} }
  t.match(await call(service, 'POST', '/webhooks/gitlab', hook), { status: 429 }, 'a webhook')
  const forged = await browserWith(service, 'mlmm=forged').get('/-/profile')
  t.match(forged, { status: 429, text: /TOO_MANY_REQUESTS|Too many/ }, 'a session')
  t.ok(forged.headers.get('retry-after'))

  t.equal((await ask(token)).status, 200)
  t.equal((await browser.get('/-/profile')).status, 200)
  const report = await service.report(jobId, { job: { name: 'train', status: 'failed' }, models: [] })
  t.equal(report.status, 202)
  t.match(await ask(), { status: 401, json: { code: 'API_TOKEN_MISSING' } }, 'no credential is none refused')
  t.equal((await browserWith(service, '').get('/-/profile')).status, 303)
  t.ok(await signIn(service, maintainer.id), 'signing in')
})

t.test('refused session cookies are slowed, and public pages stay open', async (t) => {
  const service = await startTestService(t, { worker: false })
  const stale = browserWith(service, 'mlmm=stale')

  t.same(statuses(await repeat(most, () => stale.get('/-/profile'))), [303])

  t.equal((await stale.get('/-/profile')).status, 429)
  t.equal((await stale.get('/api/v1/user')).status, 429)
  t.equal((await stale.get('/')).status, 200)
})

t.test('one address begins 300 sign-ins in a minute', async (t) => {
  const service = await startTestService(t, { worker: false })
  const browser = browserWith(service, '')

  t.same(statuses(await repeat(most, () => browser.get('/-/sign-in'))), [302])

  const slowed = await browser.get('/-/sign-in')
  t.equal(slowed.status, 429)
  const seconds = Number(slowed.headers.get('retry-after'))
  t.ok(seconds >= 1 && seconds <= 60, String(seconds))
  t.match(slowed.text, /Too many sign-ins from your address/)
})
