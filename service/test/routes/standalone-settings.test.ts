import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { startTestService } from '../support/service.js'
import { browserWith, type SignedIn, signIn } from '../support/sign-in.js'

const service = await startTestService(t, { worker: false })
const { simulator, maintainer, stores, db } = service
const token = await makeToken(service, maintainer.id, { lifeMs: 600_000 })
const [dora, otto] = [
  simulator.createUser({ username: 'dora', name: 'Dora Developer' }),
  simulator.createUser({ username: 'otto', name: 'Otto Outsider' }),
]
const maya = await signIn(service, maintainer.id)
const [developer, outsider] = [await signIn(service, dora.id), await signIn(service, otto.id)]

async function projectOf(path: string) {
  const project = await stores.projects.findAnyByPath(path)
  if (project?.gitlabProjectId !== null) throw new Error(`There is no ${path}`)
  return project
}

async function make(name: string) {
  await maya.post('/-/new', { name, description: '' })
  return projectOf(`~maya/${name}`)
}

t.test('a project is made on a page, which keeps what was written when it is refused', async (t) => {
  t.match((await maya.get('/-/new')).text, '~maya/')
  t.equal((await browserWith(service, '').get('/-/new')).status, 303, 'one has to sign in')

  const made = await maya.post('/-/new', { name: 'notes', description: 'One\r\n<two>' })
  const twice = await maya.post('/-/new', { name: 'Notes', description: 'kept <words>' })
  const unnamed = await maya.post('/-/new', { name: 'a b"', description: 'x' })
  const long = await maya.post('/-/new', { name: 'long', description: 'x'.repeat(2001) })

  t.same([made.status, made.headers.get('location')], [303, '/~maya/notes'])
  t.equal((await projectOf('~maya/notes')).description, 'One\n<two>')
  t.equal(twice.status, 409)
  t.match(twice.text, /value="Notes"[^>]*aria-invalid.*role="alert">There is.*kept &lt;words&gt;/s)
  t.equal(unnamed.status, 400)
  t.match(unnamed.text, /value="a b&quot;".*role="alert">The name cannot be part/s)
  t.equal(long.status, 400)
  t.match(long.text, /id="description-problem"[^>]*>The description has 2001 characters/)
  t.equal(await stores.projects.findAnyByPath('~maya/long'), null)
})

t.test('Maintainers change members, and one always stays', async (t) => {
  const { id, path } = await make('team')
  const form = (name: string, fields: Record<string, string>, by: SignedIn = maya) =>
    by.post(`/-/projects/${id}/${name}`, fields)

  const added = await form('members', { username: '@dora', access_level: '20' })
  t.same([added.status, added.headers.get('location')], [303, '/~maya/team/-/settings'])
  t.equal((await developer.get(`/${path}`)).status, 200)
  t.equal((await developer.get(`/${path}/-/settings`)).status, 403)
  t.equal((await form('members', { username: 'otto', access_level: '30' }, developer)).status, 403)
  t.equal((await form('members', { username: 'otto', access_level: '30' }, outsider)).status, 404)
  t.equal((await outsider.get(`/${path}/-/settings`)).status, 404)

  const unknown = await form('members', { username: 'nobody"s', access_level: '40' })
  t.equal(unknown.status, 400)
  t.match(unknown.text, /value="nobody&quot;s".*role="alert">GitLab has no active user.*value="40" selected/s)
  const odd = await form('members', { username: 'otto', access_level: '50' })
  t.equal(odd.status, 400)

  const own = maintainer.id
  const demoted = await form(`members/${own}`, { access_level: '20' })
  const left = await form(`members/${own}/remove`, {})
  t.same([demoted.status, left.status], [409, 409])
  t.match(left.text, /role="alert">~maya\/team would have no Maintainer/)

  t.equal((await form(`members/${dora.id}`, { access_level: '40' })).status, 303)
  const gone = await form(`members/${own}/remove`, {})
  t.same([gone.status, gone.headers.get('location')], [303, '/'])
  t.equal((await maya.get(`/${path}`)).status, 404)
  t.equal((await developer.get(`/${path}/-/settings`)).status, 200)
})

t.test('the description is changed, and a project is deleted once its path is typed', async (t) => {
  const { id } = await make('short')

  await maya.post(`/-/projects/${id}/description`, { description: 'New words' })
  t.equal((await projectOf('~maya/short')).description, 'New words')
  const wrong = await maya.post(`/-/projects/${id}/delete`, { confirm: 'short' })
  t.equal(wrong.status, 400)
  t.match(wrong.text, 'This is not ~maya/short')
  t.equal((await outsider.post(`/-/projects/${id}/delete`, { confirm: '~maya/short' })).status, 404)

  const deleted = await maya.post(`/-/projects/${id}/delete`, { confirm: '~maya/short' })

  t.same([deleted.status, deleted.headers.get('location')], [303, '/'])
  t.equal((await maya.get('/~maya/short')).status, 404)
  t.match(await db.collection('audit').findOne({ action: 'project_deleted' }), { by: { username: 'maya' } })
})

t.test('a model is deleted from its page, by Maintainers who type its name', async (t) => {
  const { id } = await make('models')
  await stores.projects.setMember(id, { gitlabUserId: dora.id, username: 'dora', accessLevel: 30 })
  const name = 'tree "x" \u202e'
  const body = { project: id, models: [{ name, version: '1', results: { a: 1 } }] }
  const { json } = await call(service, 'POST', '/api/v1/reports', { token, body })
  const [model] = (json as { models: { id: string; url: string }[] }).models
  const page = (model?.url ?? '').slice(service.url.length)
  const action = `/-/projects/${id}/models/${model?.id}/delete`

  t.match((await maya.get(page)).text, `action="${action}"`)
  t.notMatch((await developer.get(page)).text, action)
  t.equal((await developer.post(action, { confirm: name })).status, 403)
  t.equal((await maya.post(action, { confirm: 'tree' })).status, 400)
  t.equal((await maya.get(page)).status, 200)

  const deleted = await maya.post(action, { confirm: name })

  t.same([deleted.status, deleted.headers.get('location')], [303, '/~maya/models'])
  t.equal((await maya.get(page)).status, 404)
})

t.test('a person deletes their data on the profile page, and is signed out', async (t) => {
  await stores.projects.createStandalone(
    {
      path: '~otto/own',
      name: 'own',
      description: '',
      createdBy: { gitlabUserId: otto.id, username: 'otto' },
    },
    new Date(),
  )
  const own = await projectOf('~otto/own')

  t.match((await outsider.get('/-/profile')).text, 'href="/~otto/own/-/settings"')
  t.equal((await outsider.post('/-/profile/delete', { confirm: 'otto' })).status, 409)
  await outsider.post(`/-/projects/${own.id}/delete`, { confirm: '~otto/own' })
  t.equal((await outsider.post('/-/profile/delete', { confirm: 'dora' })).status, 400)
  t.ok(await stores.grants.find(`${otto.id}:sign-in`))
  const deleted = await outsider.post('/-/profile/delete', { confirm: 'otto' })

  t.same([deleted.status, deleted.headers.get('location')], [303, '/'])
  t.match(deleted.headers.get('set-cookie'), /^mlmm=; Max-Age=0/)
  t.equal((await outsider.get('/-/profile')).headers.get('location')?.startsWith('/-/sign-in'), true)
  t.equal(await stores.grants.find(`${otto.id}:sign-in`), null)
})

t.test("another site's form changes nothing", async (t) => {
  const { id } = await make('safe')
  const paths = ['/-/new', '/-/profile/delete']
  for (const form of [
    'description',
    'members',
    'members/1',
    'members/1/remove',
    'delete',
    'models/m/delete',
  ]) {
    paths.push(`/-/projects/${id}/${form}`)
  }
  for (const path of paths) {
    const forged = { origin: 'https://evil.example.com', 'sec-fetch-site': 'cross-site' }
    t.equal((await maya.post(path, { name: 'forged', confirm: 'maya' }, forged)).status, 403, path)
  }
  t.equal(await stores.projects.findAnyByPath('~maya/forged'), null)
})
