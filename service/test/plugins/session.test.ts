import { randomBytes } from 'node:crypto'
import t from 'tap'
import { deriveKey } from '../../plugins/cookie-tokens.js'
import { cookiePlace } from '../../plugins/cookie-place.js'
import { makeToken } from '../support/people.js'
import {
  browserWith,
  cookieNamed,
  reachCallback,
  sessionKey,
  sessionSecret,
  signIn,
  signToken,
} from '../support/sign-in.js'
import { startTestService } from '../support/service.js'

let now = new Date()
const service = await startTestService(t, { worker: false, clock: () => now })
const { maintainer, stores, simulator } = service

function inSeconds(seconds: number): number {
  return Math.floor(now.getTime() / 1000) + seconds
}

function claimsOf(cookie: string): { sid: string; exp: number } {
  return JSON.parse(Buffer.from(cookie.split('.')[1] ?? '', 'base64url').toString())
}

function unsigned(alg: string): string {
  return Buffer.from(JSON.stringify({ alg, typ: 'JWT' })).toString('base64url')
}

async function rows() {
  const [sessions, tokens] = await Promise.all([
    stores.sessions.list(maintainer.id, now),
    stores.apiTokens.list(maintainer.id, now),
  ])
  return { sessions, tokens }
}

t.test('a forged or stolen session opens nothing and changes nothing', async (t) => {
  const alive = await signIn(service, maintainer.id)
  const { sid } = claimsOf(alive.cookie)
  const exp = inSeconds(3600)
  const good = signToken({ sid, exp })
  const [header = '', payload = '', signature = ''] = good.split('.')
  const [row] = await stores.sessions.list(maintainer.id, now)
  const project = await service.createProject('research/forged')
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    sha: project.head,
    ref: 'main',
    source: 'push',
    jobs: [{ name: 'train' }],
  })
  const jobId = pipeline.jobs[0]?.id ?? 0
  simulator.setJobStatus(jobId, 'running')
  const begun = await reachCallback(service, { userId: maintainer.id })
  const otherSid = randomBytes(32).toString('base64url')
  const tampered = `${sid.startsWith('A') ? 'B' : 'A'}${sid.slice(1)}`
  const forged: Record<string, string> = {
    'another key': signToken({ sid, exp }, { key: 'x'.repeat(32) }),
    'the secret itself as key': signToken({ sid, exp }, { key: sessionSecret }),
    'the key of the sign-in cookie': signToken(
      { sid, exp },
      { key: deriveKey(sessionSecret, 'mlmm sign-in cookie') },
    ),
    'an empty key': signToken({ sid, exp }, { key: '' }),
    'alg none': `${unsigned('none')}.${payload}.`,
    'alg None with a signature': `${unsigned('None')}.${payload}.${signature}`,
    'no signature': `${header}.${payload}.`,
    'no third part': `${header}.${payload}`,
    'alg RS256': signToken({ sid, exp }, { alg: 'RS256' }),
    'alg HS512': signToken({ sid, exp }, { alg: 'HS512' }),
    'alg HS384': signToken({ sid, exp }, { alg: 'HS384' }),
    'no alg': signToken({ sid, exp }, { alg: '' }),
    expired: signToken({ sid, exp: inSeconds(-1) }),
    'no exp': signToken({ sid }),
    'exp as text': signToken({ sid, exp: String(exp) }),
    'exp null': signToken({ sid, exp: null }),
    'no sid': signToken({ exp }),
    'sid null': signToken({ sid: null, exp }),
    'sid a list': signToken({ sid: [sid], exp }),
    'sid a filter': signToken({ sid: { $ne: null }, exp }),
    'sid a number': signToken({ sid: maintainer.id, exp }),
    'an unknown sid': signToken({ sid: otherSid, exp }),
    'a tampered sid': signToken({ sid: tampered, exp }),
    'a truncated sid': signToken({ sid: sid.slice(0, -1), exp }),
    'a longer sid': signToken({ sid: `${sid}A`, exp }),
    "the row's id as sid": signToken({ sid: row?.id, exp }),
    'a tampered payload': `${header}.${Buffer.from(JSON.stringify({ sid, exp: exp + 1 })).toString('base64url')}.${signature}`,
    'a truncated token': good.slice(0, -5),
    'a longer signature': `${good}AAAA`,
    'four parts': `${good}.${signature}`,
    'an ID token of CI': simulator.idToken({ jobId, aud: service.url }),
    'the cookie of a sign-in': begun.cookie.slice(begun.cookie.indexOf('=') + 1),
    'an API token': await makeToken(service, maintainer.id),
    'a GitLab token': maintainer.token,
    'the bare sid': sid,
    nothing: '',
    'a list': '[]',
    'long rubbish': 'x'.repeat(8000),
  }
  t.ok(Object.keys(forged).length >= 30)
  const before = await rows()
  for (const [what, token] of Object.entries(forged)) {
    const browser = browserWith(service, `mlmm=${token}`)
    t.equal((await browser.get('/-/profile')).status, 303, what)
    const form = { description: 'x', scope: 'write', days: '1' }
    t.equal((await browser.post('/-/profile/tokens', form)).status, 401, what)
    t.equal((await browser.post('/-/sign-out/everywhere')).status, 401, what)
    t.equal((await browser.post(`/-/profile/sessions/${row?.id}/revoke`)).status, 401, what)
  }
  t.same(await rows(), before)
  t.equal(
    (await browserWith(service, `mlmm=${good}`).get('/-/profile')).status,
    200,
    'the test signs as we do',
  )
  t.equal(sessionKey.length, 32)
})

t.test('a session is no ID token and no API token, and works by its cookie alone', async (t) => {
  const { cookie, get } = await signIn(service, maintainer.id)
  const token = cookie.slice('mlmm='.length)

  const bearer = browserWith(service, '')
  t.equal((await bearer.get('/-/profile', { authorization: `Bearer ${token}` })).status, 303)
  t.equal((await service.report(1, { models: [] }, { token })).status, 401)
  t.equal((await bearer.get('/api/v1/user', { authorization: `Bearer ${token}` })).status, 401)
  t.equal((await get('/-/profile', { authorization: 'Bearer rubbish' })).status, 200)
})

t.test('a session that was ended stays so, whoever replays its cookie', async (t) => {
  const browser = await signIn(service, maintainer.id)
  await browser.post('/-/sign-out')
  const before = await rows()

  t.equal((await browser.get('/-/profile')).status, 303)
  t.equal(
    (await browser.post('/-/profile/tokens', { description: 'x', scope: 'read', days: '1' })).status,
    401,
  )
  t.same(await rows(), before)
})

t.test('a session ends after 14 days without use and after 60 days with it', async (t) => {
  const dayMs = 24 * 3_600_000
  const start = now
  const idle = await signIn(service, maintainer.id)
  const used = await signIn(service, maintainer.id)
  for (let day = 10; day < 60; day += 10) {
    now = new Date(start.getTime() + day * dayMs)
    t.equal((await used.get('/-/profile')).status, 200, `day ${day}`)
    if (day > 14) t.equal((await idle.get('/-/profile')).status, 303, `day ${day}, never used`)
  }
  now = new Date(start.getTime() + 60 * dayMs)
  t.equal((await used.get('/-/profile')).status, 303)
  now = start
})

t.test('behind https no other host can set or read the cookie', async (t) => {
  const lax = { httpOnly: true, sameSite: 'lax' }
  t.same(cookiePlace('https://mlmm.example.com/sub', 'mlmm'), {
    cookieName: '__Host-mlmm',
    cookieOptions: { ...lax, secure: true, path: '/' },
  })
  t.same(cookiePlace('http://127.0.0.1:8080/sub', 'mlmm'), {
    cookieName: 'mlmm',
    cookieOptions: { ...lax, secure: false, path: '/sub' },
  })
  const { callback, cookie } = await reachCallback(service, { userId: maintainer.id })
  const answer = await browserWith(service, cookie).get(callback)
  t.not(cookieNamed(answer, 'mlmm'), '')
})
