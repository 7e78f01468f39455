import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { startTestService } from '../support/service.js'
import { browserWith, signIn } from '../support/sign-in.js'

const service = await startTestService(t, { worker: false })
const { simulator, maintainer } = service
const token = await makeToken(service, maintainer.id, { lifeMs: 600_000 })
const outsider = simulator.createUser({ username: 'otto', name: 'Otto Outsider' })
const root = simulator.createUser({ username: 'root', name: 'Root', admin: true })
const [maya, otto, admin] = [
  await signIn(service, maintainer.id),
  await signIn(service, outsider.id),
  await signIn(service, root.id),
]
const nobody = browserWith(service, '')

async function make(name: string): Promise<string> {
  const body = { name, description: 'Tried <b>by hand</b>' }
  const made = await call(service, 'POST', '/api/v1/projects', { token, body })
  return String(made.json.id)
}

async function report(project: string, models: object[]) {
  const body = { project, models }
  const answer = await call(service, 'POST', '/api/v1/reports', { token, body })
  return (answer.json as { models: { id: string; url: string }[] }).models
}

function pathOf(url: string | undefined): string {
  return (url ?? '').slice(service.url.length)
}

const id = await make('notes')
const tree = { name: 'tree', dataset: 'iris', results: { accuracy: 0.9 }, curves: { loss: [[0, 1]] } }
const [old] = await report(id, [{ ...tree, version: '1/0 #a' }])
const [newest] = await report(id, [{ ...tree, version: '1.1', results: { accuracy: 0.8 } }])

t.test("a standalone project's pages are for its members alone", async (t) => {
  const paths = ['/~maya/notes', '/~maya/notes/-/models/tree/iris', pathOf(old?.url), '/~MAYA/notes']
  for (const path of paths) {
    t.equal((await maya.get(path)).status, 200, path)
    for (const browser of [otto, admin, nobody]) t.equal((await browser.get(path)).status, 404, path)
  }
  t.equal((await maya.get('/~maya/other')).status, 404)
  t.equal((await maya.get('/~maya/notes/-/merge_requests/1')).status, 404)
})

t.test('its pages lead to nothing in GitLab, and to each other', async (t) => {
  const project = await maya.get('/~maya/notes')
  t.match(project.text, 'Tried &lt;b&gt;by hand')
  t.match(project.text, />90.0%<.*>80.0%</s, 'the best and the newest')
  const history = await maya.get('/~maya/notes/-/models/tree/iris')
  const model = await maya.get(pathOf(old?.url))
  t.match(model.text, '1/0 #a')
  for (const { text } of [project, history, model]) {
    t.notMatch(text, simulator.url)
    t.notMatch(text, /href="[^"]*(undefined|null)/)
    t.notMatch(text, /Commit<\/dt>|merge_requests|Default branch/)
  }
  const links = [...history.text.matchAll(/href="(\/~maya[^"]+)"/g)].map(([, href]) =>
    (href ?? '').replaceAll('&#x3D;', '=').replaceAll('&amp;', '&'),
  )
  t.ok(links.includes(pathOf(newest?.url)), links.join(' '))
  for (const link of links) t.equal((await maya.get(link)).status, 200, link)
  const json = await maya.get(`/api/v1/projects/${id}/models/${old?.id}`)
  t.match(model.text, `/api/v1/projects/${id}/models/${old?.id}`)
  t.match(json.json, { commit: null, version: '1/0 #a' })
})

t.test('lists hold standalone projects behind the connected ones, page by page', async (t) => {
  for (const name of ['a', 'b', 'c']) await make(name)
  for (let index = 0; index < 29; index += 1) {
    const facts = { webUrl: simulator.url, defaultBranch: 'main', visibility: 'public' as const }
    await service.stores.projects.connect(
      {
        ...facts,
        gitlabProjectId: 9_000 + index,
        path: `team/p${String(index).padStart(2, '0')}`,
        pipelinesOpen: true,
      },
      new Date(Date.now() + 3_600_000),
    )
  }

  const first = await maya.get('/')
  const second = await maya.get(`/?after=${encodeURIComponent('~maya/a')}`)

  t.match(first.text, /team\/p28.*~maya\/a</s)
  t.notMatch(first.text, '~maya/b')
  t.match(first.text, 'after&#x3D;%7Emaya%2Fa')
  t.match(second.text, /~maya\/b.*~maya\/c.*~maya\/notes/s)
  t.notMatch(second.text, /team|rel="next"/)
  t.notMatch((await otto.get('/')).text, '~maya')
  const list = await call(service, 'GET', '/api/v1/projects', { token })
  t.match((list.json as { projects: { path: string }[] }).projects.slice(-4), [
    { path: '~maya/a', gitlab_id: null },
    { path: '~maya/b' },
    { path: '~maya/c' },
    { path: '~maya/notes' },
  ])
  t.match((await maya.get('/')).text, 'href="/-/new"')
  t.notMatch((await nobody.get('/')).text, '/-/new')
})
