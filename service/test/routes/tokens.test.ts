import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { type SignedIn, signIn } from '../support/sign-in.js'
import { startTestService } from '../support/service.js'

let now = new Date()
const service = await startTestService(t, { worker: false, clock: () => now })
const { simulator, stores, db } = service
const page = '/-/profile/tokens'
await signIn(service, service.maintainer.id)
const iris = await connected('research/iris')
const wine = await connected('research/wine')

interface Fields {
  description?: string
  scope?: string
  projects?: string
  days?: string
  key?: string
}

/** A connected project that nobody sees who is no member. */
async function connected(path: string) {
  const project = await service.createProject(path, { visibility: 'private' })
  const token = await makeToken(service, service.maintainer.id)
  const body = { gitlab_id: project.id }
  const answer = await call(service, 'POST', '/api/v1/projects', { token, body })
  if (answer.status !== 201) throw new Error(answer.text)
  return project
}

/** Somebody new who may configure both projects. */
async function newPerson(username: string) {
  const user = simulator.createUser({ username, name: username })
  for (const { id } of [iris, wine]) simulator.addMember(id, { userId: user.id, accessLevel: 40 })
  return { user, browser: await signIn(service, user.id) }
}

async function formOf(browser: SignedIn, fields: Fields = {}): Promise<Record<string, string>> {
  const { text } = await browser.get(page)
  const key = /name="key" value="([^"]+)"/.exec(text)?.[1] ?? ''
  return { description: 'nightly', scope: 'read', projects: '', days: '30', key, ...fields }
}

async function make(browser: SignedIn, fields: Fields = {}) {
  const answer = await browser.post(page, await formOf(browser, fields))
  return { answer, token: tokenIn(answer.text) }
}

function tokenIn(text: string): string {
  return /mlmm_[\w-]{43}/.exec(text)?.[0] ?? ''
}

function inDays(days: number): Date {
  return new Date(now.getTime() + days * 24 * 3_600_000)
}

const createMine = (token: string) =>
  call(service, 'POST', '/api/v1/projects', { token, body: { name: 'mine' } })
const user = (token: string) => call(service, 'GET', '/api/v1/user', { token })
const held = async (userId: number) => (await stores.apiTokens.list(userId, now)).tokens

t.test('a token is made on the page, shown once, and kept as a hash only', async (t) => {
  const { user: person, browser } = await newPerson('anna')

  const { answer, token } = await make(browser, { description: 'weekly <b>' })

  t.equal(answer.status, 200)
  t.equal(answer.headers.get('cache-control'), 'private, no-store')
  t.match(answer.text, /weekly &lt;b&gt;/)
  t.match(await user(token), { status: 200, json: { id: person.id, token: { scope: 'read' } } })
  const list = await browser.get(page)
  t.match(list.text, /weekly &lt;b&gt;/)
  t.equal(tokenIn(list.text), '')
  const kept = JSON.stringify(await db.collection('apiTokens').find().toArray())
  t.notMatch(kept, token.slice(5), 'nowhere in its collection')
  t.match(kept, /"hash":/)
})

t.test('reloading the page with the new token makes no second one', async (t) => {
  const { user: person, browser } = await newPerson('rene')
  const form = await formOf(browser)

  const first = await browser.post(page, form)
  const again = await browser.post(page, form)

  t.equal(first.status, 200)
  t.equal(again.status, 409)
  t.match(
    again.text,
    /This form has made the token &quot;nightly&quot;|This form has made the token "nightly"/,
  )
  t.equal(tokenIn(again.text), '', 'it is not shown again')
  t.equal((await held(person.id)).length, 1)
  t.equal((await user(tokenIn(first.text))).status, 200)

  await browser.post(`${page}/${(await held(person.id))[0]?.id}/revoke`)
  t.equal((await browser.post(page, form)).status, 409, 'nor after it was revoked')
  t.same(await held(person.id), [])

  const next = await formOf(browser)
  const answers = await Promise.all([1, 2, 3, 4].map(() => browser.post(page, next)))
  t.same(answers.map(({ status }) => status).sort(), [200, 409, 409, 409], 'at the same time')
  t.equal((await held(person.id)).length, 1)
})

t.test('the same key from two people makes a token for each', async (t) => {
  const [one, other] = [await newPerson('kim'), await newPerson('kai')]
  const form = await formOf(one.browser)

  t.equal((await one.browser.post(page, form)).status, 200)
  t.equal((await other.browser.post(page, form)).status, 200)
})

t.test('a wrong form makes nothing and keeps what was written', async (t) => {
  const { user: person, browser } = await newPerson('willa')
  const wrong: [Fields, RegExp][] = [
    [{ key: '' }, /look it over and send it again/],
    [{ key: 'x'.repeat(23) }, /look it over and send it again/],
    [{ description: ' ' }, /1 to 100 characters/],
    [{ scope: 'admin' }, /may read, or read and write/],
    [{ days: '0' }, /1 to 365 days/],
    [{ days: '366' }, /1 to 365 days/],
    [{ projects: 'research/none' }, /no project research\/none/],
    [{ projects: Array.from({ length: 21 }, (_, n) => `a/b${n}`).join(' ') }, /these are 21/],
  ]
  for (const [fields, words] of wrong) {
    const { answer } = await make(browser, { description: 'kept words', ...fields })
    t.equal(answer.status, 400, String(words))
    t.match(answer.text, words)
    if (fields.description === undefined) t.match(answer.text, /value="kept words"/)
  }
  t.same(await held(person.id), [])

  const form = await formOf(browser, { days: '0' })
  await browser.post(page, form)
  t.equal((await browser.post(page, { ...form, days: '1' })).status, 200, 'a refused form may be mended')
})

t.test('a token that may read changes nothing, one that may write does', async (t) => {
  const { browser } = await newPerson('rosa')
  const { token: reading } = await make(browser)
  const { token: writing } = await make(browser, { scope: 'write' })

  t.match(await createMine(reading), { status: 403, json: { code: 'API_TOKEN_READ_ONLY' } })
  t.equal((await createMine(writing)).status, 201)
})

t.test('a token limited to a project sees no other', async (t) => {
  const { browser } = await newPerson('lina')
  const { answer, token } = await make(browser, { projects: 'research/iris' })
  const project = (path: string) =>
    call(service, 'GET', `/api/v1/projects/${encodeURIComponent(path)}`, { token })

  t.match(answer.text, /research\/iris/)
  t.equal((await project('research/iris')).status, 200)
  t.match(await project('research/wine'), { status: 404, json: { code: 'NOT_FOUND' } })
  const { json } = await call(service, 'GET', '/api/v1/projects', { token })
  t.match(JSON.stringify(json), 'research/iris')
  t.notMatch(JSON.stringify(json), 'research/wine')
})

t.test('the list tells when a token was last used and which have expired', async (t) => {
  const { user: person, browser } = await newPerson('ella')
  const { token } = await make(browser, { days: '1' })
  now = new Date(now.getTime() + 90_000)
  t.match((await browser.get(page)).text, /never/)

  await user(token)

  const used = await browser.get(page)
  t.notMatch(used.text, /never/)
  t.same((await held(person.id))[0]?.lastUsedAt, now)
  now = inDays(2)
  t.match(await user(token), { status: 401, json: { code: 'API_TOKEN_EXPIRED' } })
  t.match((await browser.get(page)).text, /expired/)
})

t.test('a token is revoked on the page, by its owner alone', async (t) => {
  const { user: person, browser } = await newPerson('olaf')
  const { browser: other } = await newPerson('otto')
  const { token } = await make(browser)
  const path = `${page}/${(await held(person.id))[0]?.id}/revoke`

  t.equal((await other.post(path)).status, 404)
  t.equal((await user(token)).status, 200)

  t.equal((await browser.post(path)).status, 303)
  t.match(await user(token), { status: 401, json: { code: 'API_TOKEN_REVOKED' } })
  t.notMatch((await browser.get(page)).text, /nightly/)
  t.equal((await browser.post(path)).status, 404)
})

t.test('fifty can be held, and every one that counts is in the list', async (t) => {
  const { user: person, browser } = await newPerson('felix')
  const create = (description: string, expiresAt: Date, madeAt = now) =>
    stores.apiTokens.create(
      { gitlabUserId: person.id, name: 'felix', scope: 'read', description, expiresAt },
      madeAt,
    )
  const start = now
  for (let number = 0; number < 49; number += 1) await create(`valid ${number}.`, inDays(300))
  for (let number = 0; number < 120; number += 1) {
    await create(
      `short ${number}.`,
      new Date(start.getTime() + 60_000 + number),
      new Date(start.getTime() + 1),
    )
  }
  now = new Date(start.getTime() + 3_600_000)

  t.equal((await make(browser, { description: 'valid 49.' })).answer.status, 200, 'expired ones do not count')

  const { text } = await browser.get(page)
  for (let number = 0; number < 50; number += 1) t.match(text, `valid ${number}.`)
  t.equal(text.match(/short \d+\./g)?.filter((one, index, all) => all.indexOf(one) === index).length, 20)
  t.match(text, 'short 119.', 'the ones that expired last')
  const refused = await make(browser)
  t.equal(refused.answer.status, 400)
  t.match(refused.answer.text, /You have 50 tokens; the limit is 50: revoke one first/)
  const first = (await held(person.id)).find(({ description }) => description === 'valid 0.')
  await browser.post(`${page}/${first?.id}/revoke`)
  t.equal((await make(browser)).answer.status, 200)
})
