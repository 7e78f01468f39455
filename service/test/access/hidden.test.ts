import { request } from 'node:http'
import t from 'tap'
import { makeToken } from '../support/people.js'
import { diff, takeSnapshot } from './snapshot.js'
import { newCookie, startWorld } from './world.js'

const world = await startWorld(t)
const { url } = world.service
const hidden = world.projects.private
const { other } = world.accounts
const askers: [string, Record<string, string>][] = [
  ['nobody', {}],
  ['somebody signed in', { cookie: await newCookie(world, other), origin: url }],
  ['a token', { authorization: `Bearer ${await makeToken(world.service, other.userId)}` }],
]

/** Sends the path as it stands, which `fetch` would tidy. */
function ask(method: string, path: string, headers: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const sent = request({ hostname, port, method, path, headers }, (answer) => {
      let text = `${answer.statusCode}\n`
      const changing = new Set(['date', 'x-request-id', 'connection', 'keep-alive'])
      for (const [name, value] of Object.entries(answer.headers)) {
        if (!changing.has(name)) text += `${name}: ${String(value)}\n`
      }
      answer.setEncoding('utf8')
      answer.on('data', (chunk: string) => (text += chunk))
      answer.on('end', () => resolve(text))
    })
    sent.on('error', reject)
    sent.end()
  })
}

/** Without what a request names itself, and without the id of the request. */
function plain(text: string, names: string[]): string {
  const uuid = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g
  return names
    .flatMap((name) => [name, encodeURIComponent(name), encodeURIComponent(encodeURIComponent(name))])
    .reduce((all, name) => all.replaceAll(name, 'NAME'), text.replace(uuid, 'ID'))
}

// Each name of the hidden project beside one of the same length that nothing has.
const gitlabId = String(hidden.gitlab?.id)
const pairs: [string, string][] = [
  [hidden.path, hidden.path.replace('lab', 'bal')],
  [hidden.id, hidden.id.replace(/.{4}$/, 'zzzz')],
  [gitlabId, gitlabId.replace(/./g, '9')],
]
const writings: ((name: string) => string)[] = [
  (name) => name,
  (name) => name.toUpperCase(),
  (name) => `${name}/`,
  (name) => `${name}//`,
  (name) => `/${name}`,
  (name) => name.replaceAll('/', '//'),
  (name) => name.replaceAll('/', '%2F'),
  (name) => name.replaceAll('/', '%2f'),
  (name) => name.replaceAll('/', '%252F'),
  (name) => name.replaceAll('/', '\\'),
  (name) => [...name].map((one) => `%${one.charCodeAt(0).toString(16)}`).join(''),
  (name) => `./${name}`,
  (name) => `x/../${name}`,
  (name) => `x/%2e%2e/${name}`,
  (name) => `${name}/.`,
  (name) => `${name}%00`,
  (name) => `${name};x=1`,
  (name) => `${name}.json`,
  (name) => `${name}.git`,
  (name) => `${name}%20`,
]
const places: ((name: string) => string)[] = [
  (name) => `/${name}`,
  (name) => `/${name}/-/models`,
  (name) => `/${name}/-/models/tree/iris`,
  (name) => `/${name}/-/merge_requests/${hidden.mrIid}`,
  (name) => `/api/v1/projects/${name}`,
  (name) => `/api/v1/projects/${name}/models`,
  (name) => `/api/v1/projects/${name}/models/${hidden.modelId}`,
  (name) => `/api/v1/projects/${name}/members`,
  (name) => `/api/v1/projects/${name}/models/${hidden.modelId}/exclusion`,
  (name) => `/api/v1/projects/${name}/merge_requests/${hidden.mrIid}/acceptance`,
]
const methods = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'POST']

for (const [asker, headers] of askers) {
  t.test(`${asker} cannot tell a hidden project from one that there is not`, async (t) => {
    const before = await takeSnapshot(world.service)
    const wrong: string[] = []
    let count = 0

    async function compare(method: string, at: (name: string) => string, pair: [string, string]) {
      const [there, missing] = pair.map(at)
      if (there === undefined || missing === undefined || there === missing) return
      // No page is at a number; one of two digits is in the hashes of assets too.
      if (pair[0] === gitlabId && !there.startsWith('/api')) return
      const [one, two] = [await ask(method, there, headers), await ask(method, missing, headers)]
      count += 1
      const isSame =
        plain(one, [there, pair[0], pair[0].toUpperCase()]) ===
        plain(two, [missing, pair[1], pair[1].toUpperCase()])
      if (!isSame || one.startsWith('2'))
        wrong.push(`${method} ${there}: ${one.slice(0, 3)} and ${two.slice(0, 3)}`)
    }

    for (const pair of pairs) {
      for (const write of writings) {
        for (const place of places.slice(0, 6)) await compare('GET', (name) => place(write(name)), pair)
      }
      for (const method of methods) {
        for (const place of places) {
          const at = (name: string) => place(place('').startsWith('/api') ? encodeURIComponent(name) : name)
          await compare(method, at, pair)
        }
      }
    }

    t.same(wrong, [])
    t.same(diff(before, await takeSnapshot(world.service)), [])
    t.comment(`${count} pairs of answers`)
  })
}

t.test('a report of a hidden project is like one that there is not', async (t) => {
  const missing = hidden.reportId.replace(/^p.{4}/, 'p0000')
  for (const [asker, headers] of askers) {
    const one = await ask('GET', `/api/v1/reports/${hidden.reportId}`, headers)
    const two = await ask('GET', `/api/v1/reports/${missing}`, headers)
    t.equal(plain(one, [hidden.reportId]), plain(two, [missing]), asker)
    t.match(one, /^404/)
  }
})
