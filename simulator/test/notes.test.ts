import t from 'tap'

import { call, openMergeRequest, startStory } from './helper.js'

const story = await startStory(t)
const { gitlab, bot, author, maintainer, project } = story
const mr = await openMergeRequest(story)
const notes = `/projects/${project.id}/merge_requests/${mr.iid}/notes`

t.test('a note is made, read, changed and deleted', async (t) => {
  const made = await call(gitlab, bot.token, 'POST', notes, { body: 'Results' })
  const { id } = made.json as { id: number }
  const edited = await call(gitlab, bot.token, 'PUT', `${notes}/${id}`, { body: 'Better' })
  const read = await call(gitlab, author.token, 'GET', `${notes}/${id}`)
  const deleted = await call(gitlab, maintainer.token, 'DELETE', `${notes}/${id}`, {})
  const gone = await call(gitlab, bot.token, 'PUT', `${notes}/${id}`, { body: 'Again' })

  t.equal(made.status, 201)
  t.match(made.json, { body: 'Results', author: { id: bot.id }, system: false, noteable_iid: mr.iid })
  t.equal(edited.status, 200)
  t.match(read.json, { id, body: 'Better' })
  t.equal(deleted.status, 204)
  t.equal(gone.status, 404)
})

t.test('only the author and maintainers may change a note', async (t) => {
  const made = await call(gitlab, author.token, 'POST', notes, { body: 'Mine' })
  const { id } = made.json as { id: number }

  t.equal((await call(gitlab, bot.token, 'PUT', `${notes}/${id}`, { body: 'Yours' })).status, 403)
  t.equal((await call(gitlab, bot.token, 'DELETE', `${notes}/${id}`)).status, 403)
  t.equal((await call(gitlab, maintainer.token, 'PUT', `${notes}/${id}`, { body: 'Fixed' })).status, 200)
})

t.test('lines with quick actions are carried out, recorded and cut from the note', async (t) => {
  gitlab.clearEffects()

  const mixed = await call(gitlab, author.token, 'POST', notes, { body: 'Text\n/label ~urgent\nmore' })
  const only = await call(gitlab, author.token, 'POST', notes, { body: '/close' })
  const coded = await call(gitlab, author.token, 'POST', notes, { body: '```\n/reopen\n```' })

  t.equal(mixed.status, 201)
  t.match(mixed.json, { body: 'Text\nmore' })
  t.equal(only.status, 202)
  t.match(only.json, { commands_changes: { close: true } })
  t.equal(coded.status, 201)
  t.same(
    gitlab.effects.map(({ kind, text, executed }) => ({ kind, text, executed })),
    [
      { kind: 'quick_action', text: '/label ~urgent', executed: true },
      { kind: 'quick_action', text: '/close', executed: true },
    ],
  )
  t.equal(mr.state, 'closed')
  t.same(mr.labels, ['urgent'])
  gitlab.editMergeRequest(project.id, mr.iid, author.id, { stateEvent: 'reopen' })
})

t.test('commands that fail alone make an error', async (t) => {
  const outsider = gitlab.createUser({ username: 'eve' })

  const answer = await call(gitlab, outsider.token, 'POST', notes, { body: '/merge' })

  t.equal(answer.status, 400)
  t.match(answer.json, { message: /commands_only/ })
  t.equal(mr.state, 'opened')
})

t.test('a single emoji is a reaction', async (t) => {
  const before = gitlab.listNotes(project.id, mr.iid).length

  const answer = await call(gitlab, bot.token, 'POST', notes, { body: ':tada:' })

  t.equal(answer.status, 201)
  t.match(answer.json, { name: 'tada', awardable_type: 'MergeRequest' })
  t.equal(gitlab.listNotes(project.id, mr.iid).length, before)
})

t.test('the list is newest first and holds system notes', async (t) => {
  const newest = await call(gitlab, null, 'GET', notes)
  const oldest = await call(gitlab, null, 'GET', `${notes}?sort=asc`)

  const ids = (newest.json as { id: number }[]).map((note) => note.id)
  t.same(
    ids,
    ids.toSorted((a, b) => b - a),
  )
  t.same(
    (oldest.json as { id: number }[]).map((note) => note.id),
    ids.toReversed(),
  )
  t.ok((newest.json as { system: boolean }[]).some((note) => note.system))
})

t.test('bodies have limits', async (t) => {
  const longest = await call(gitlab, bot.token, 'POST', notes, { body: 'x'.repeat(1_000_000) })
  const tooLong = await call(gitlab, bot.token, 'POST', notes, { body: 'x'.repeat(1_000_001) })
  const blank = await call(gitlab, bot.token, 'POST', notes, { body: ' ' })
  const missing = await call(gitlab, bot.token, 'POST', notes, {})

  t.equal(longest.status, 201)
  t.match(tooLong, { status: 400, json: { message: /too long/ } })
  t.match(blank, { status: 400, json: { message: /can't be blank/ } })
  t.match(missing, { status: 400, json: { error: 'body is missing' } })
})

t.test('mentions and references in living text are recorded', async (t) => {
  gitlab.clearEffects()

  await call(gitlab, bot.token, 'POST', notes, { body: 'Ask @ada about &#33;1 and `@all`' })

  t.same(
    gitlab.effects.map((effect) => effect.text),
    ['@ada', '!1'],
  )
})

t.test('notes of one user are limited in a minute', async (t) => {
  const strict = await startStory(t, { notesPerMinute: 1 })
  await openMergeRequest(strict)
  const path = `/projects/${strict.project.id}/merge_requests/1/notes`
  await call(strict.gitlab, strict.bot.token, 'POST', path, { body: 'one' })

  const answer = await call(strict.gitlab, strict.bot.token, 'POST', path, { body: 'two' })

  t.equal(answer.status, 429)
  t.match(answer.json, { message: { error: /too many times/ } })
})
