import { randomBytes } from 'node:crypto'
import type { Db } from 'mongodb'
import type { Test } from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { type Simulator, startSimulator } from '../../../simulator/simulator.js'
import { createGitLab } from '../../gitlab/client.js'
import type { FindFormer } from '../../jobs/former-notes.js'
import { createNoteWriter, type NoteWriter, type WriteNoteRequest } from '../../jobs/note-writer.js'
import { createNoteStore, type NoteRow } from '../../stores/note-store.js'

export const signingKey = 'a secret of more than thirty-two characters'
export const requestTimeoutMs = 3_000
export const notesRoute = '/projects/:id/merge_requests/:iid/notes'
export const noteRoute = `${notesRoute}/:noteId`

export interface NoteWorld {
  simulator: Simulator
  db: Db
  databaseUrl: string
  clock: { now: Date }
  bot: { id: number; token: string }
  /** A Developer, whose notes are not ours. */
  person: { id: number; token: string }
  gitlabProjectId: number
  createWriter(token?: string, findFormer?: FindFormer): NoteWriter
  /** One more merge request, with the request that writes its note. */
  openMergeRequest(): Promise<WriteNoteRequest>
  getRow(request: WriteNoteRequest): Promise<NoteRow>
  /** The bodies on the merge request without the marker's line, oldest first. */
  bodies(request: WriteNoteRequest): string[]
  /** Calls of the notes API since the last look, as `POST 201`. */
  takeCalls(): string[]
}

/** A real client, a real database and the double of GitLab, with one project. */
export async function openNoteWorld(t: Test): Promise<NoteWorld> {
  const { db, url: databaseUrl } = await openTestDatabase(t)
  const simulator = await startSimulator()
  t.teardown(() => simulator.close())
  const clock = { now: new Date('2026-11-23T12:00:00Z') }
  const bot = simulator.createUser({ username: 'mlmm-bot', bot: true })
  const person = simulator.createUser({ username: 'ada' })
  const { id: gitlabProjectId } = await createProject(simulator, bot.id, person.id)

  return {
    simulator,
    db,
    databaseUrl,
    clock,
    bot,
    person,
    gitlabProjectId,
    createWriter: (token = bot.token, findFormer) =>
      createTestWriter({ db, gitlabUrl: simulator.url, token, clock: () => clock.now, findFormer }),
    openMergeRequest: () => openMergeRequest(simulator, gitlabProjectId, person.id),
    getRow: (request) => getRow(db, request),
    bodies: ({ mrIid }) =>
      simulator.listNotes(gitlabProjectId, mrIid).map(({ body }) => body.replace(/^<!--.*-->\n\n/, '')),
    takeCalls() {
      const calls = simulator.calls
        .filter((call) => call.route.startsWith(notesRoute))
        .map((call) => `${call.method} ${call.status ?? 'cut'}`)
      simulator.clearCalls()
      return calls
    },
  }
}

export interface TestWriterOptions {
  db: Db
  gitlabUrl: string
  token: string
  clock: () => Date
  /** Default: nobody. */
  findFormer?: FindFormer | undefined
}

export function createTestWriter(options: TestWriterOptions): NoteWriter {
  const { db, gitlabUrl, token, clock, findFormer = async () => null } = options
  return createNoteWriter({
    gitlab: createGitLab({ apiUrl: gitlabUrl, token, timeoutMs: requestTimeoutMs }),
    findFormer,
    store: createNoteStore(db),
    signingKey,
    clock,
    randomNonce: () => randomBytes(12).toString('hex'),
    requestTimeoutMs,
  })
}

async function openMergeRequest(
  simulator: Simulator,
  gitlabProjectId: number,
  userId: number,
): Promise<WriteNoteRequest> {
  const { iid } = await simulator.createMergeRequest({
    projectId: gitlabProjectId,
    sourceBranch: 'faster',
    targetBranch: 'main',
    title: 'Faster',
    userId,
  })
  await simulator.settled()
  return {
    projectId: 'p1',
    gitlabProjectId,
    mrIid: iid,
    body: 'first',
    fence: 1,
    remainingLeaseMs: () => 600_000,
  }
}

async function getRow(db: Db, { projectId, mrIid }: WriteNoteRequest): Promise<NoteRow> {
  const row = await createNoteStore(db).find({ projectId, mrIid })
  if (row === null) throw new Error('No row')
  return row
}

async function createProject(simulator: Simulator, botId: number, personId: number) {
  const project = await simulator.createProject({
    path: 'research/iris',
    visibility: 'public',
    members: [
      { userId: botId, accessLevel: 30 },
      { userId: personId, accessLevel: 30 },
    ],
  })
  const push = { projectId: project.id, userId: personId }
  await simulator.pushFiles({ ...push, branch: 'main', files: { 'README.md': 'iris' } })
  await simulator.pushFiles({ ...push, branch: 'faster', startBranch: 'main', files: { 'a.txt': 'a' } })
  return project
}
