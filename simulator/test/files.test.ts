import t from 'tap'

import { call, startStory } from './helper.js'

const story = await startStory(t)
const { gitlab, author, project } = story
const files = `/projects/${project.id}/repository/files`
const first = await push({ 'conf/.mlmm.yml': 'größer: 1\n' })
const head = await push({ 'other.txt': 'x' })

function push(changed: Record<string, string>): Promise<string> {
  return gitlab.pushFiles({
    projectId: project.id,
    branch: 'rules',
    startBranch: 'main',
    files: changed,
    userId: author.id,
  })
}

t.test('a file comes in base64, with the head of the ref and its own last commit', async (t) => {
  const answer = await call(gitlab, null, 'GET', `${files}/conf%2F.mlmm.yml?ref=rules`)

  t.match(answer.json, {
    file_name: '.mlmm.yml',
    file_path: 'conf/.mlmm.yml',
    size: 12,
    encoding: 'base64',
    ref: 'rules',
    commit_id: head,
    last_commit_id: first,
    content: Buffer.from('größer: 1\n').toString('base64'),
  })
})

t.test('what is not there, and what may not be read', async (t) => {
  const guest = gitlab.createUser({ username: 'guest' })
  const members = [
    { userId: author.id, accessLevel: 30 },
    { userId: guest.id, accessLevel: 10 },
  ]
  const hidden = await gitlab.createProject({ path: 'research/hidden', members })
  await gitlab.pushFiles({ projectId: hidden.id, branch: 'main', files: { a: 'a' }, userId: author.id })
  const get = (path: string, token: string | null = null) => call(gitlab, token, 'GET', path)
  const secret = `/projects/${hidden.id}/repository/files/a?ref=main`

  t.match(await get(`${files}/none?ref=rules`), { status: 404, json: { message: '404 File Not Found' } })
  t.match(await get(`${files}/conf?ref=rules`), { status: 404, json: { message: '404 File Not Found' } })
  t.match(await get(`${files}/a.txt?ref=none`), { status: 404, json: { message: '404 Commit Not Found' } })
  t.match(await get(`${files}/a.txt`), { status: 400, json: { error: 'ref is missing, ref is empty' } })
  t.match(await get(secret), { status: 404, json: { message: '404 Project Not Found' } })
  t.match(await get(secret, guest.token), { status: 403 })
  t.match(await get(secret, author.token), { status: 200 })
})
