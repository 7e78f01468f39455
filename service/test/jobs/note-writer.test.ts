import t from 'tap'
import { badGateway } from '../../../simulator/faults.js'
import { createGitLab } from '../../gitlab/client.js'
import { GitLabError } from '../../gitlab/errors.js'
import { LeaseTooShortError } from '../../jobs/note-attempt.js'
import { mark } from '../../jobs/note-marker.js'
import type { WriteNoteRequest } from '../../jobs/note-writer.js'
import { noteCollection, NoteTakenError } from '../../stores/note-store.js'
import { noteRoute, notesRoute, openNoteWorld, requestTimeoutMs, signingKey } from './note-world.js'

const world = await openNoteWorld(t)
const { simulator, clock } = world
const writer = world.createWriter()
const minuteMs = 60_000

t.beforeEach(() => {
  simulator.faults.clear()
  world.takeCalls()
})

function passMinute(): void {
  clock.now = new Date(clock.now.getTime() + minuteMs)
}

/** A note of a person or of ours that the writer does not know of. */
async function addNote(token: string, mrIid: number, body: string): Promise<number> {
  const response = await fetch(
    `${simulator.url}/api/v4/projects/${world.gitlabProjectId}/merge_requests/${mrIid}/notes`,
    {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ body }),
    },
  )
  return ((await response.json()) as { id: number }).id
}

/** What a POST of this request that lands late leaves behind. */
async function addTwin(request: WriteNoteRequest): Promise<number> {
  const row = await world.getRow(request)
  const text = mark(row, { nonce: row.nonce ?? '', body: 'twin' }, signingKey)
  return await addNote(world.bot.token, request.mrIid, text)
}

t.test('the first body makes a note, the same one no call, another one an edit', async (t) => {
  const request = await world.openMergeRequest()

  const created = await writer.writeNote(request)
  t.match(created, { kind: 'created', checkAgainAfterMs: null })
  t.same(world.takeCalls(), ['POST 201'])

  t.same(await writer.writeNote({ ...request, fence: 2 }), { ...created, kind: 'unchanged' })
  t.same(world.takeCalls(), [])

  t.same(await writer.writeNote({ ...request, fence: 3, body: 'second' }), { ...created, kind: 'edited' })
  t.same(world.takeCalls(), ['PUT 200'])
  t.same(world.bodies(request), ['second'])
  t.same((await world.getRow(request)).writes, [clock.now, clock.now])
})

t.test('a note that a person deleted is made once more', async (t) => {
  const request = await world.openMergeRequest()
  const { noteId } = await writer.writeNote(request)
  simulator.state.notes.delete(noteId)
  world.takeCalls()

  const again = await writer.writeNote({ ...request, fence: 2, body: 'second' })

  t.equal(again.kind, 'created')
  t.not(again.noteId, noteId)
  t.same(world.takeCalls(), ['PUT 404', 'GET 200', 'POST 201'])
  t.same(world.bodies(request), ['second'])
})

t.test('a note that is listed is not made again, although GitLab says that it is gone', async (t) => {
  const request = await world.openMergeRequest()
  await writer.writeNote(request)
  const stale = simulator.faults.add({ method: 'PUT', route: noteRoute, status: 404, body: {} })

  await t.rejects(writer.writeNote({ ...request, fence: 2, body: 'second' }), { message: /vanishes/ })
  stale.remove()
  t.equal((await writer.writeNote({ ...request, fence: 3, body: 'second' })).kind, 'edited')

  t.same(world.bodies(request), ['second'])
})

const lostAnswers = {
  'a 502 after the effect': { answerAfterEffect: { ...badGateway } },
  'a reset after the effect': { cutAfterEffect: true },
  'a timeout after the effect': { slowBodyMs: requestTimeoutMs + 500 },
}

for (const [name, fault] of Object.entries(lostAnswers)) {
  t.test(`${name}: the note is found and kept, without a second POST`, async (t) => {
    const request = await world.openMergeRequest()
    simulator.faults.add({ method: 'POST', route: notesRoute, times: 1, ...fault })

    const result = await writer.writeNote(request)

    t.match(result, { kind: 'adopted', checkAgainAfterMs: minuteMs })
    t.equal(world.takeCalls().filter((call) => call.startsWith('POST')).length, 1)
    t.same(world.bodies(request), ['first'])
    t.same((await world.getRow(request)).writes, [clock.now])
  })
}

t.test('a 502 without effect: looked for, then posted again with the same nonce', async (t) => {
  const request = await world.openMergeRequest()
  simulator.faults.add({ method: 'POST', route: notesRoute, times: 1, ...badGateway })

  const result = await writer.writeNote(request)

  t.match(result, { kind: 'created', checkAgainAfterMs: minuteMs })
  t.same(world.takeCalls(), ['POST 502', 'GET 200', 'POST 201'])
  t.same(world.bodies(request), ['first'])
})

t.test('the search reads all pages', async (t) => {
  const request = await world.openMergeRequest()
  for (let index = 0; index < 101; index += 1) {
    await addNote(world.person.token, request.mrIid, `talk ${index}`)
  }
  simulator.faults.add({ method: 'POST', route: notesRoute, times: 1, cutAfterEffect: true })
  world.takeCalls()

  t.equal((await writer.writeNote(request)).kind, 'adopted')

  t.equal(world.takeCalls().filter((call) => call === 'GET 200').length, 2)
})

t.test(
  'GitLab down: two POSTs at most in one attempt, and the next attempt looks before it posts',
  async (t) => {
    const request = await world.openMergeRequest()
    simulator.faults.add({ method: 'POST', route: notesRoute, answerAfterEffect: { ...badGateway } })
    const blind = simulator.faults.add({ method: 'GET', route: notesRoute, ...badGateway })
    await t.rejects(writer.writeNote(request), GitLabError)
    t.same(world.takeCalls(), ['POST 502', 'GET 502'])

    blind.remove()
    t.equal((await writer.writeNote({ ...request, fence: 2, body: 'second' })).kind, 'adopted')
    t.same(world.takeCalls(), ['GET 200', 'PUT 200'])
    t.same(world.bodies(request), ['second'])

    const other = await world.openMergeRequest()
    simulator.faults.clear()
    simulator.faults.add({ method: 'POST', route: notesRoute, ...badGateway })
    world.takeCalls()
    await t.rejects(writer.writeNote(other), GitLabError)
    t.same(world.takeCalls(), ['POST 502', 'GET 200', 'POST 502', 'GET 200'])
  },
)

t.test('a POST that lands late is found a minute later: the oldest note stays', async (t) => {
  const request = await world.openMergeRequest()
  simulator.faults.add({ method: 'POST', route: notesRoute, times: 1, ...badGateway })
  const { noteId } = await writer.writeNote(request)
  const early = await writer.checkNote({ ...request, fence: 2 })
  t.same(early, { kind: 'settled', checkAgainAfterMs: minuteMs })
  await addTwin(request)

  passMinute()
  t.same(await writer.checkNote({ ...request, fence: 3 }), { kind: 'settled', checkAgainAfterMs: null })

  t.same(
    simulator.listNotes(world.gitlabProjectId, request.mrIid).map((note) => note.id),
    [noteId],
  )
  t.match(await world.getRow(request), { noteId, checkAt: null })
})

t.test('where the late note is the older one, it is the one that stays', async (t) => {
  const request = await world.openMergeRequest()
  simulator.faults.add({ method: 'POST', route: notesRoute, times: 1, ...badGateway })
  const { noteId } = await writer.writeNote(request)
  const twinId = await addTwin(request)
  const [posted, twin] = [noteId, twinId].map((id) => simulator.state.notes.get(id))
  if (!posted || !twin) throw new Error('No notes')
  simulator.state.notes.set(noteId, { ...twin, id: noteId })
  simulator.state.notes.set(twinId, { ...posted, id: twinId })
  await noteCollection(world.db).updateOne({ mrIid: request.mrIid }, { $set: { noteId: twinId } })

  passMinute()
  t.equal((await writer.checkNote({ ...request, fence: 2 })).kind, 'stale', 'it says something else')
  t.match(await writer.writeNote({ ...request, fence: 3 }), { kind: 'edited', noteId })

  t.same(world.bodies(request), ['first'])
})

t.test('a write that is due for its second look takes that look first', async (t) => {
  const request = await world.openMergeRequest()
  simulator.faults.add({ method: 'POST', route: notesRoute, times: 1, cutAfterEffect: true })
  const { noteId } = await writer.writeNote(request)
  await addTwin(request)

  passMinute()
  const result = await writer.writeNote({ ...request, fence: 2, body: 'second' })

  t.same(result, { kind: 'edited', noteId, checkAgainAfterMs: null })
  t.same(world.bodies(request), ['second'])
})

t.test('notes of others, forged and quoted markers are left alone', async (t) => {
  const request = await world.openMergeRequest()
  simulator.faults.add({ method: 'POST', route: notesRoute, times: 1, cutAfterEffect: true })
  await writer.writeNote(request)
  const row = await world.getRow(request)
  const nonce = row.nonce ?? ''
  const genuine = mark(row, { nonce, body: 'copied' }, signingKey)
  const otherMergeRequest = mark({ ...row, mrIid: row.mrIid + 1 }, { nonce, body: 'other' }, signingKey)
  await addNote(world.person.token, request.mrIid, genuine)
  await addNote(world.bot.token, request.mrIid, `> ${genuine}`)
  await addNote(world.bot.token, request.mrIid, genuine.replace(/[0-9a-f]{64}/, '0'.repeat(64)))
  await addNote(world.bot.token, request.mrIid, otherMergeRequest)
  await addNote(world.bot.token, request.mrIid, 'a word of the bot')
  world.takeCalls()

  passMinute()
  t.equal((await writer.checkNote({ ...request, fence: 2 })).kind, 'settled')

  t.same(world.takeCalls(), ['GET 200'])
  t.equal(world.bodies(request).length, 6)
})

t.test('an edit with a lost answer is repeated once, and looked at again a minute later', async (t) => {
  const request = await world.openMergeRequest()
  await writer.writeNote(request)
  simulator.faults.add({ method: 'PUT', route: noteRoute, times: 1, cutAfterEffect: true })
  world.takeCalls()

  const result = await writer.writeNote({ ...request, fence: 2, body: 'second' })
  t.match(result, { kind: 'edited', checkAgainAfterMs: minuteMs })
  t.equal(world.takeCalls().length, 2)

  const note = simulator.state.notes.get(result.noteId)
  if (note === undefined) throw new Error('No note')
  note.body = note.body.replace('second', 'first')
  passMinute()
  t.match(await writer.checkNote({ ...request, fence: 3 }), { kind: 'stale' }, 'a late edit undid it')
  t.equal((await writer.writeNote({ ...request, fence: 4, body: 'second' })).kind, 'edited')
  t.same(world.bodies(request), ['second'])
})

t.test('a refusal that is certain leaves nothing to look for', async (t) => {
  const request = await world.openMergeRequest()
  simulator.faults.add({ method: 'POST', route: notesRoute, times: 1, status: 403, body: { message: 'no' } })
  await t.rejects(writer.writeNote(request), { message: /403/ })
  world.takeCalls()

  t.match(await writer.writeNote({ ...request, fence: 2 }), { kind: 'created', checkAgainAfterMs: null })
  t.same(world.takeCalls(), ['POST 201'])
})

t.test('a new poster that may not edit makes one new note and remembers the old one', async (t) => {
  const request = await world.openMergeRequest()
  const { noteId } = await writer.writeNote(request)
  const successor = simulator.createUser({ username: `bot-${request.mrIid}`, bot: true })
  simulator.addMember(world.gitlabProjectId, { userId: successor.id, accessLevel: 30 })
  const later = world.createWriter(successor.token)

  const moved = await later.writeNote({ ...request, fence: 2, body: 'second' })
  t.equal(moved.kind, 'created')
  t.same(world.bodies(request), ['first', 'second'])
  t.match(await world.getRow(request), {
    noteId: moved.noteId,
    authorId: successor.id,
    superseded: [{ noteId, authorId: world.bot.id }],
  })

  t.equal((await later.writeNote({ ...request, fence: 3, body: 'third' })).kind, 'edited')
  t.same(world.bodies(request), ['first', 'third'])
})

/** A Developer who posts from now on, with the poster before who may be found. */
async function succeed(
  findFormer = async () => createGitLab({ apiUrl: simulator.url, token: world.bot.token }),
) {
  const request = await world.openMergeRequest()
  const { noteId } = await writer.writeNote(request)
  const successor = simulator.createUser({ username: `heir-${request.mrIid}`, bot: true })
  simulator.addMember(world.gitlabProjectId, { userId: successor.id, accessLevel: 30 })
  return { request, noteId, later: world.createWriter(successor.token, findFormer) }
}

t.test('a poster before leads on to the note of the new one', async (t) => {
  const { request, later } = await succeed()

  const { noteId } = await later.writeNote({ ...request, fence: 2, body: 'second' })

  const line = `This is out of date: [the current note](#note_${noteId}) has another author.`
  t.same(world.bodies(request), [line, 'second'])
  t.match(await world.getRow(request), { superseded: [{ leadsOn: true }] })
  await later.writeNote({ ...request, fence: 3, body: 'third' })
  t.same(world.bodies(request), [line, 'third'])
})

t.test('a poster before that cannot be reached is asked three times, and nothing fails', async (t) => {
  let asked = 0
  const { request, noteId, later } = await succeed(async () => {
    asked += 1
    throw new Error('withdrawn')
  })

  for (const body of ['second', 'second', 'third', 'third', 'fourth'])
    t.ok(await later.writeNote({ ...request, fence: 2, body }))

  t.equal(asked, 3)
  t.same(world.bodies(request), ['first', 'fourth'])
  t.match(await world.getRow(request), { superseded: [{ noteId, authorId: world.bot.id, tries: 3 }] })
})

t.test('a refusal of the poster before is made good by the next write', async (t) => {
  const { request, noteId, later } = await succeed()
  const route = new RegExp(`/notes/${noteId}$`)
  simulator.faults.add({ method: 'PUT', route, times: 2, status: 403, body: { message: 'no' } })

  t.equal((await later.writeNote({ ...request, fence: 2, body: 'second' })).kind, 'created')
  t.equal(world.bodies(request)[0], 'first')
  await later.writeNote({ ...request, fence: 3, body: 'second' })

  t.match(world.bodies(request), [/^This is out of date/, 'second'])
})

t.test('what GitLab hides from a new poster is as good as refused', async (t) => {
  const { request, noteId, later } = await succeed()
  const hidden = simulator.faults.add({ method: 'PUT', route: new RegExp(`/notes/${noteId}$`), status: 404 })

  const moved = await later.writeNote({ ...request, fence: 2, body: 'second' })

  t.equal(moved.kind, 'created')
  t.same(world.bodies(request), ['first', 'second'])
  hidden.remove()
  t.equal((await later.writeNote({ ...request, fence: 3, body: 'third' })).kind, 'edited')
  t.match(world.bodies(request), [/^This is out of date/, 'third'])
})

t.test('a note of a poster before that somebody deleted is not missed', async (t) => {
  const { request, noteId, later } = await succeed()
  simulator.state.notes.delete(noteId)

  t.equal((await later.writeNote({ ...request, fence: 2, body: 'second' })).kind, 'created')

  t.same(world.bodies(request), ['second'])
})

t.test('a poster whose own note is refused does not make another', async (t) => {
  const request = await world.openMergeRequest()
  await writer.writeNote(request)
  simulator.faults.add({ method: 'PUT', route: noteRoute, times: 1, status: 403, body: { message: 'no' } })

  await t.rejects(writer.writeNote({ ...request, fence: 2, body: 'second' }), { message: /403/ })

  t.same(world.bodies(request), ['first'])
})

t.test('nothing is written with too little of the lease left', async (t) => {
  const request = { ...(await world.openMergeRequest()), remainingLeaseMs: () => requestTimeoutMs }

  await t.rejects(writer.writeNote(request), LeaseTooShortError)

  t.same(world.takeCalls(), [])
})

t.test('an older claim writes nothing once a later one has taken the note', async (t) => {
  const request = await world.openMergeRequest()
  const post = simulator.faults.add({ method: 'POST', route: notesRoute, times: 1, delayMs: 1_000 })
  const zombie = writer.writeNote({ ...request, fence: 1, body: 'old' })
  zombie.catch(() => {})
  while (post.hits() === 0) await new Promise(setImmediate)

  const heir = await world.createWriter().writeNote({ ...request, fence: 2, body: 'new' })
  await t.rejects(zombie, NoteTakenError)
  await t.rejects(writer.writeNote({ ...request, fence: 1, body: 'old' }), NoteTakenError)
  t.equal((await world.getRow(request)).fence, 2)

  t.equal(heir.checkAgainAfterMs, minuteMs, "the zombie's POST may land late")
  passMinute()
  const checked = await writer.checkNote({ ...request, fence: 3 })
  if (checked.kind === 'stale') await writer.writeNote({ ...request, fence: 4, body: 'new' })
  t.same(world.bodies(request), ['new'])
})

t.test('of many attempts with the same fence one writes', async (t) => {
  const request = await world.openMergeRequest()

  const results = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) => world.createWriter().writeNote({ ...request, body: `${index}` })),
  )

  t.ok(results.some((result) => result.status === 'fulfilled'))
  passMinute()
  await writer.writeNote({ ...request, fence: 2, body: 'last' })
  t.same(world.bodies(request), ['last'])
})
