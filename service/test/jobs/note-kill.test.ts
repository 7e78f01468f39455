import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Fault } from '../../../simulator/faults.js'
import type { WriteNoteRequest } from '../../jobs/note-writer.js'
import { until } from './helper.js'
import { noteRoute, notesRoute, openNoteWorld, requestTimeoutMs } from './note-world.js'

const world = await openNoteWorld(t)
const { simulator } = world
const script = fileURLToPath(new URL('write-note-and-wait.ts', import.meta.url))
const heldMs = requestTimeoutMs - 500

/** Lets a process write the note with that fault, and kills it when `isTime`. */
async function killWriting(request: WriteNoteRequest, fault: Fault, isTime: () => boolean): Promise<void> {
  const handle = simulator.faults.add(fault)
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', script, world.databaseUrl, simulator.url, world.bot.token, JSON.stringify(request)],
    { stdio: 'inherit', env: { ...process.env, NODE_OPTIONS: '' } },
  )
  t.teardown(() => child.kill('SIGKILL'))
  await until(() => handle.hits() === 1 && isTime())
  child.kill('SIGKILL')
  const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
  t.equal(signal, 'SIGKILL', 'it was still waiting')
  handle.remove()
}

t.test('killed between the intent and the POST taking effect: the next claim posts', async (t) => {
  const request = await world.openMergeRequest()
  await killWriting(request, { method: 'POST', route: notesRoute, delayMs: heldMs }, () => true)
  t.match((await world.getRow(request)).pendingCall, { kind: 'create' })

  const result = await world.createWriter().writeNote({ ...request, fence: 2, body: 'second' })

  t.match(result, { kind: 'created', checkAgainAfterMs: 60_000 })
  t.same(world.bodies(request), ['second'])
})

t.test('killed between the effect of the POST and its answer: the next claim adopts the note', async (t) => {
  const request = await world.openMergeRequest()
  await killWriting(
    request,
    { method: 'POST', route: notesRoute, slowBodyMs: heldMs },
    () => world.bodies(request).length === 1,
  )
  world.takeCalls()

  const result = await world.createWriter().writeNote({ ...request, fence: 2 })

  t.match(result, { kind: 'adopted', checkAgainAfterMs: 60_000 })
  t.same(world.takeCalls(), ['GET 200'])
  t.same(world.bodies(request), ['first'])
})

t.test('killed between the effect of an edit and its answer: the next claim edits again', async (t) => {
  const request = await world.openMergeRequest()
  const { noteId } = await world.createWriter().writeNote(request)
  await killWriting(
    { ...request, fence: 2, body: 'second' },
    { method: 'PUT', route: noteRoute, slowBodyMs: heldMs },
    () => world.bodies(request)[0] === 'second',
  )

  const result = await world.createWriter().writeNote({ ...request, fence: 3, body: 'third' })

  t.match(result, { kind: 'edited', noteId, checkAgainAfterMs: 60_000 })
  t.same(world.bodies(request), ['third'])
})
