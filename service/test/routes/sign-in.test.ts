import t from 'tap'
import { returnPath } from '../../domain/return-path.js'
import { browserWith, cookieNamed, reachCallback, signIn } from '../support/sign-in.js'
import { startTestService } from '../support/service.js'

let now = new Date()
const service = await startTestService(t, { worker: false, clock: () => now })
const { simulator, stores, maintainer } = service

async function nothingKept(userId: number): Promise<boolean> {
  const [user, grant, sessions] = await Promise.all([
    stores.users.find(userId),
    stores.grants.find(`${userId}:sign-in`),
    stores.sessions.list(userId, now),
  ])
  return user === null && grant === null && sessions.length === 0
}

/** A browser that keeps and drops cookies as it is told. */
function createJar() {
  const jar = new Map<string, string>()

  async function open(path: string) {
    const cookie = [...jar].map((pair) => pair.join('=')).join('; ')
    const answer = await browserWith(service, cookie).get(path)
    for (const set of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? []
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    return answer
  }

  /** Where GitLab leads back to. */
  async function begin(returnTo: string): Promise<string> {
    const begun = await open(`/-/sign-in?return_to=${encodeURIComponent(returnTo)}`)
    const url = begun.headers.get('location') ?? ''
    return simulator.authorize({ userId: maintainer.id, url }).slice(service.url.length)
  }

  const begunCount = () => [...jar.keys()].filter((name) => name.startsWith('mlmm-sign-in-')).length
  return { jar, open, begin, begunCount }
}

t.test('signing in registers the account, keeps the grant and leads back', async (t) => {
  const { callback, cookie, url } = await reachCallback(service, {
    userId: maintainer.id,
    query: '?return_to=%2Fresearch%2Firis%3Fbefore%3D1',
  })
  const asked = new URL(url).searchParams
  t.equal(asked.get('scope'), 'read_user read_api')
  t.equal(asked.get('code_challenge_method'), 'S256')

  const answer = await browserWith(service, cookie).get(callback)

  t.equal(answer.status, 303)
  t.equal(answer.headers.get('location'), '/research/iris?before=1')
  t.match(answer.headers.getSetCookie(), [
    /^mlmm-sign-in-[0-9a-f]{12}=; Max-Age=0; Path=\/; .*HttpOnly; SameSite=Lax$/,
    /^mlmm=[\w.-]+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
  ])
  t.match(await stores.users.find(maintainer.id), { username: 'maya', name: 'Maya Maintainer' })
  t.ok(await stores.grants.find(`${maintainer.id}:sign-in`))
  const profile = await browserWith(service, cookieNamed(answer, 'mlmm')).get('/-/profile')
  t.match(profile.text, /read_user read_api/)
})

t.test('every sign-in makes a new session and ends the one before it', async (t) => {
  const first = await signIn(service, maintainer.id)
  const { callback, cookie } = await reachCallback(service, { userId: maintainer.id, cookie: first.cookie })

  const answer = await browserWith(service, cookie).get(callback)

  t.not(cookieNamed(answer, 'mlmm'), first.cookie)
  t.equal((await first.get('/-/profile')).status, 303, 'the old cookie is worth nothing')
})

t.test('whatever is wrong with the way back is refused, and nothing is kept', async (t) => {
  const stranger = simulator.createUser({ username: 'stella', name: 'Stella' })
  const other = simulator.createUser({ username: 'oscar', name: 'Oscar' })
  const begin = (more = {}) => reachCallback(service, { userId: stranger.id, ...more })
  const refuse = async (what: string, cookie: string, path: string, status: number, text: RegExp) => {
    const answer = await browserWith(service, cookie).get(path)
    t.equal(answer.status, status, what)
    t.match(answer.text, text, what)
    t.match(answer.text, /href="\/-\/sign-in"/, `${what}: a way on`)
    t.equal(cookieNamed(answer, 'mlmm'), '', what)
  }

  const mine = await begin()
  const theirs = await reachCallback(service, { userId: other.id })
  await refuse('no cookie', '', mine.callback, 400, /begun no sign-in/)
  await refuse('the cookie of another browser', theirs.cookie, mine.callback, 400, /begun no sign-in/)
  await refuse('no state', mine.cookie, '/-/sign-in/callback?code=x', 400, /begun no sign-in/)
  await refuse('a tampered cookie', `${mine.cookie}x`, mine.callback, 400, /begun no sign-in/)
  const foreignCode = mine.callback.replace(/code=\w+/, `code=${'0'.repeat(64)}`)
  await refuse('a code that GitLab did not give', mine.cookie, foreignCode, 400, /GitLab refused/)
  await refuse('the same state again', mine.cookie, mine.callback, 400, /has ended already/)
  const denied = await begin({ decision: 'deny' })
  await refuse('denied consent', denied.cookie, denied.callback, 403, /Nothing was kept/)
  const swapped = await begin()
  const code = /code=\w+/.exec(theirs.callback)?.[0] ?? ''
  await refuse(
    'the code of another sign-in',
    swapped.cookie,
    swapped.callback.replace(/code=\w+/, code),
    400,
    /./,
  )
  const late = await begin()
  now = new Date(now.getTime() + 11 * 60_000)
  await refuse('after 10 minutes', late.cookie, late.callback, 400, /begun no sign-in/)

  t.ok(await nothingKept(stranger.id))
  t.ok(await nothingKept(other.id))
})

t.test('several sign-ins begun in one browser end each for itself, in any order', async (t) => {
  const browser = createJar()
  const first = await browser.begin('/research/first')
  now = new Date(now.getTime() + 6 * 60_000)
  const second = await browser.begin('/research/second')
  const third = await browser.begin('/research/third')

  t.equal((await browser.open(second)).headers.get('location'), '/research/second')
  t.equal((await browser.open(second)).status, 400, 'works once')
  t.equal((await browser.open(first)).headers.get('location'), '/research/first')
  now = new Date(now.getTime() + 6 * 60_000)
  t.equal((await browser.open(third)).headers.get('location'), '/research/third')
  const late = await browser.begin('/research/late')
  now = new Date(now.getTime() + 6 * 60_000)
  const young = await browser.begin('/research/young')
  now = new Date(now.getTime() + 5 * 60_000)
  t.equal((await browser.open(late)).status, 400, 'each has an end of its own')
  t.equal((await browser.open(young)).status, 303)
})

t.test('a browser keeps the five sign-ins that it began last, or fewer long ones', async (t) => {
  const browser = createJar()
  const begun = []
  for (let index = 0; index < 7; index += 1) begun.push(await browser.begin(`/research/${index}`))

  t.equal(browser.begunCount(), 5)
  const statuses = []
  for (const callback of begun) statuses.push((await browser.open(callback)).status)
  t.same(statuses, [400, 400, 303, 303, 303, 303, 303])

  browser.jar.set(`mlmm-sign-in-${'0'.repeat(12)}`, 'rubbish')
  await browser.begin(`/${'x'.repeat(1_500)}`)
  const long = await browser.begin(`/${'y'.repeat(1_500)}`)
  const longer = await browser.begin(`/${'z'.repeat(1_900)}`)
  t.equal(browser.begunCount(), 1)
  t.equal((await browser.open(long)).status, 400)
  t.equal((await browser.open(longer)).status, 303)
})

t.test('the cookie of one sign-in under the name of another opens nothing', async (t) => {
  const browser = createJar()
  const mine = await browser.begin('/')
  const [name = ''] = [...browser.jar.keys()]
  const other = createJar()
  await other.begin('/')
  browser.jar.set(name, [...other.jar.values()][0] ?? '')

  t.equal((await browser.open(mine)).status, 400)
})

t.test('who is blocked in GitLab is told so', async (t) => {
  const blocked = simulator.createUser({ username: 'bella', name: 'Bella' })
  const { callback, cookie } = await reachCallback(service, { userId: blocked.id })
  simulator.setUserState(blocked.id, 'blocked')

  const answer = await browserWith(service, cookie).get(callback)

  t.match(answer.status, /^4/)
  t.ok(await nothingKept(blocked.id))
})

t.test('to post for somebody, the same person has to consent', async (t) => {
  const browser = await signIn(service, maintainer.id)
  const other = simulator.createUser({ username: 'pete', name: 'Pete' })
  const query = '?for=posting&return_to=/research/iris'
  const wrong = await reachCallback(service, { userId: other.id, query, cookie: browser.cookie })

  t.equal(new URL(wrong.url).searchParams.get('scope'), 'api')
  t.equal((await browserWith(service, wrong.cookie).get(wrong.callback)).status, 400)
  t.equal(await stores.grants.find(`${other.id}:posting`), null)

  const right = await reachCallback(service, { userId: maintainer.id, query, cookie: browser.cookie })
  const answer = await browserWith(service, right.cookie).get(right.callback)
  t.equal(answer.headers.get('location'), '/research/iris')
  t.ok(await stores.grants.find(`${maintainer.id}:posting`))
  t.equal(
    (await browserWith(service, '').get(`/-/sign-in${query}`)).headers
      .get('location')
      ?.startsWith('/-/sign-in'),
    true,
  )
})

t.test('only a path of this service is led back to', (t) => {
  const refused = [
    'https://evil.example.com/',
    '//evil.example.com',
    '/\\evil.example.com',
    '\\\\evil.example.com',
    '/.//evil.example.com',
    '/x/..//evil.example.com',
    '/%0d%0aset-cookie:x\n',
    '/\tx',
    'javascript:alert(1)',
    'research/iris',
    '',
    '/-/sign-in',
    '/-/sign-in/callback?code=1',
    '/%2D/sign-in',
    '/x/../-/sign-in',
    '/-/sign-out',
    '/%',
    `/${'x'.repeat(2000)}`,
    ['/a', '/b'],
    null,
    undefined,
  ]
  for (const given of refused) t.equal(returnPath(given, ''), '/', String(given))
  for (const given of ['/', '/a/b', '/a/b?x=//y', '/-/profile', '/a%2Fb/-/models']) {
    t.equal(returnPath(given, ''), given)
  }
  t.equal(returnPath('/other', '/mlmm'), '/mlmm/')
  t.equal(returnPath('/mlmmx/a', '/mlmm'), '/mlmm/')
  t.equal(returnPath('/mlmm/a/b', '/mlmm'), '/mlmm/a/b')
  t.equal(returnPath('/mlmm/../a', '/mlmm'), '/mlmm/')
  t.end()
})
