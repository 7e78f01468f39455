import t from 'tap'

import { call, startStory } from './helper.js'

const story = await startStory(t)
const { gitlab, author, project } = story
const repository = `/projects/${project.id}/repository`

t.test('files are committed in one go, and the push is heard of', async (t) => {
  const answer = await call(gitlab, author.token, 'POST', `${repository}/commits`, {
    branch: 'tune',
    start_branch: 'main',
    commit_message: 'Tune',
    actions: [
      { action: 'create', file_path: 'a.txt', content: 'one' },
      { action: 'create', file_path: 'b.bin', content: 'AAE=', encoding: 'base64' },
    ],
  })

  t.equal(answer.status, 201)
  t.match(answer.json, { title: 'Tune', author_name: author.name })
  const file = await call(gitlab, author.token, 'GET', `${repository}/files/b.bin?ref=tune`)
  t.match(file.json, { content: 'AAE=', commit_id: (answer.json as { id: string }).id })
})

t.test('a branch and a tag start at a commit; a second of the same name is refused', async (t) => {
  for (const [kind, name] of [
    ['branches', 'branch'],
    ['tags', 'tag_name'],
  ] as const) {
    const body = { [name]: 'v1', ref: 'main' }
    const made = await call(gitlab, author.token, 'POST', `${repository}/${kind}`, body)
    const again = await call(gitlab, author.token, 'POST', `${repository}/${kind}`, body)
    const nowhere = await call(gitlab, author.token, 'POST', `${repository}/${kind}`, {
      [name]: 'v2',
      ref: 'nowhere',
    })

    t.equal(made.status, 201)
    t.match(made.json, { name: 'v1' })
    t.match(again, { status: 400, json: { message: /already exists/ } })
    t.match(nowhere, { status: 400, json: { message: 'Invalid reference name: nowhere' } })
  }
})

t.test('who is no Developer writes nothing', async (t) => {
  const stranger = gitlab.createUser({ username: 'stranger' })
  const body = {
    branch: 'main',
    commit_message: 'x',
    actions: [{ action: 'update', file_path: 'a', content: 'x' }],
  }

  for (const path of ['commits', 'branches', 'tags']) {
    const answer = await call(gitlab, stranger.token, 'POST', `${repository}/${path}`, body)
    t.match(answer.status, /403|404/)
  }
})
