import t from 'tap'
import { signIn } from '../support/sign-in.js'
import { startTestService } from '../support/service.js'

const service = await startTestService(t, { worker: false })
const { maintainer, stores } = service

t.test('the profile says who one is and where one is signed in', async (t) => {
  const browser = await signIn(service, maintainer.id)
  await signIn(service, maintainer.id)

  const answer = await browser.get('/-/profile')

  t.equal(answer.status, 200)
  t.match(answer.text, /Maya Maintainer/)
  t.equal(answer.text.match(/this browser/g)?.length, 1)
  t.equal(answer.headers.get('cache-control'), 'private, no-store')
  t.equal(answer.headers.get('vary'), 'Cookie')
  t.equal((await stores.sessions.list(maintainer.id, new Date())).length, 2)
})

t.test('a session is ended by its owner alone, one by one or all at once', async (t) => {
  const other = service.simulator.createUser({ username: 'olga', name: 'Olga' })
  const [mine, second, theirs] = [
    await signIn(service, maintainer.id),
    await signIn(service, maintainer.id),
    await signIn(service, other.id),
  ]
  const [theirSession] = await stores.sessions.list(other.id, new Date())

  const refused = await mine.post(`/-/profile/sessions/${theirSession?.id}/revoke`)

  t.equal(refused.status, 404)
  t.equal((await theirs.get('/-/profile')).status, 200)

  const everywhere = await mine.post('/-/sign-out/everywhere')
  t.equal(everywhere.status, 303)
  for (const gone of [mine, second]) {
    t.equal((await gone.get('/-/profile')).headers.get('location'), '/-/sign-in?return_to=%2F-%2Fprofile')
  }
  t.equal((await theirs.get('/-/profile')).status, 200)
})

t.test('signing out ends the session itself, not only the cookie', async (t) => {
  const browser = await signIn(service, maintainer.id)

  const answer = await browser.post('/-/sign-out')

  t.equal(answer.headers.get('location'), '/')
  t.match(answer.headers.get('set-cookie'), /^mlmm=; Max-Age=0; Path=\/;/)
  t.equal((await browser.get('/-/profile')).status, 303)
})

t.test('a form that another site sends changes nothing', async (t) => {
  const browser = await signIn(service, maintainer.id)
  const forms = ['/-/sign-out', '/-/sign-out/everywhere', '/-/profile/tokens', '/-/profile/gitlab/forget']
  const origins: Record<string, string>[] = [
    { origin: 'https://evil.example.com', 'sec-fetch-site': 'cross-site' },
    { origin: 'null', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example.com', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'none' },
  ]
  for (const path of forms) {
    for (const headers of origins) {
      const answer = await browser.post(path, { description: 'x', scope: 'read', days: '1' }, headers)
      t.equal(answer.status, 403, `${path} ${JSON.stringify(headers)}`)
    }
  }
  t.equal((await browser.get('/-/profile')).status, 200)
  t.same((await stores.apiTokens.list(maintainer.id, new Date())).tokens, [])
})
