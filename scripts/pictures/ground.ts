import { seedPages } from '../../service/test/support/pages.js'
import { startTestService, type TestService } from '../../service/test/support/service.js'
import { signIn, type SignedIn } from '../../service/test/support/sign-in.js'
import {
  model,
  noteSaying,
  openMergeRequest,
  setRules,
  train,
  trainMergeRequest,
} from '../../service/test/support/story.js'

export interface Ground {
  service: TestService
  mrIid: number
  gated: { path: string; mrIid: number }
  hostile: { path: string; head: string; names: string[] }
  /** A project of GitLab that nobody has connected, and one that is archived during its scene. */
  unconnected: { id: number; path: string }
  archived: { id: number; path: string }
  /** Its webhook is refused by GitLab. */
  refused: { id: number; path: string }
  disconnected: { path: string }
  longPath: string
  cookies: Record<Viewer, string>
}

export type Viewer = 'maya' | 'dora' | 'rtl' | 'fresh'

const longName = 'quite-a-long-name-of-a-repository-that-nobody-would-choose-by-hand-but-a-script-does'

/** A service with projects, people and states that pages have to cope with. */
export async function layGround(t: { teardown(ending: () => Promise<void>): unknown }): Promise<Ground> {
  const service = await startTestService(t, { autoConnect: ['research/**'] })
  const { simulator, maintainer } = service
  const { usual, mrIid, hostile, hostileNames } = await seedPages(service)
  const dora = simulator.createUser({ username: 'dora', name: 'Dora Developer' })
  simulator.addMember(usual.id, { userId: dora.id, accessLevel: 30 })
  const rtl = simulator.createUser({ username: 'r'.repeat(200), name: `${'שלום עולם '.repeat(12)}👩‍🔬🇩🇪` })
  const fresh = simulator.createUser({ username: 'fred', name: 'Fred Fresh' })
  simulator.createUser({ username: 'nora', name: 'Nora New' })
  const maya = await signIn(service, maintainer.id)
  for (let count = 0; count < 3; count += 1) await signIn(service, maintainer.id)

  const long = await service.createProject(`research/${longName}/${longName}`, { visibility: 'private' })
  await train(service, long, [model('tree', 0.8)])
  const given = await service.createProject('research/given-up', { visibility: 'private' })
  await train(service, given, [model('tree', 0.8)])
  await disconnect(service, maya, given.path)
  const past = await service.createProject('research/past', { visibility: 'private' })
  simulator.updateProject(past.id, { archived: true })
  await train(service, past, [model('tree', 0.8)])
  await seedStandalone(service, maya, rtl.username)
  return {
    service,
    mrIid,
    gated: await gate(service),
    hostile: { path: hostile.path, head: hostile.head, names: hostileNames },
    unconnected: await ofMaya(service, 'vision/segmentation'),
    archived: await ofMaya(service, 'vision/archived'),
    refused: await ofMaya(service, 'vision/refused'),
    disconnected: given,
    longPath: long.path,
    cookies: {
      maya: maya.cookie,
      dora: (await signIn(service, dora.id)).cookie,
      rtl: (await signIn(service, rtl.id)).cookie,
      fresh: (await signIn(service, fresh.id)).cookie,
    },
  }
}

async function disconnect({ stores }: TestService, maya: SignedIn, path: string): Promise<void> {
  const project = await stores.projects.findByPath(path)
  requireRedirect(await maya.post(`/-/projects/${project?.id}/disconnect`, { path }))
}

async function seedStandalone({ stores }: TestService, maya: SignedIn, longUsername: string): Promise<void> {
  const description = 'Tried by hand on the laptop, before the pipeline exists.\nSee the wiki for the data.'
  requireRedirect(await maya.post('/-/new', { name: 'notes', description }))
  const project = await stores.projects.findAnyByPath('~maya/notes')
  for (const username of ['dora', longUsername]) {
    requireRedirect(await maya.post(`/-/projects/${project?.id}/members`, { username, access_level: '30' }))
  }
}

function requireRedirect({ status, text }: { status: number; text: string }): void {
  if (status !== 303) throw new Error(`${status}: ${text}`)
}

/** A project of GitLab that the instance's bot is no member of. */
async function ofMaya({ simulator, maintainer }: TestService, path: string) {
  const members = [{ userId: maintainer.id, accessLevel: 40 }]
  const { id } = await simulator.createProject({ path, visibility: 'private', members })
  const files = { 'train.py': 'print(1)\n' }
  await simulator.pushFiles({ projectId: id, userId: maintainer.id, branch: 'main', message: 'First', files })
  return { id, path }
}

/** A merge request that breaks rules. */
async function gate(service: TestService) {
  const project = await service.createProject('research/gated', { visibility: 'private' })
  const rules = 'results: {accuracy: {tolerance: 0.1pp, warn: {worse_by: 1pp}, fail: {below: 90%}}}\n'
  const ruled = await setRules(service, project, rules)
  await train(service, ruled, [
    model('tree', 0.95),
    model('W'.repeat(200), 0.95),
    model('שלום עולם 🧪', 0.95),
  ])
  const { iid } = await openMergeRequest(service, ruled, 'worse')
  const models = [model('tree', 0.85), model('W'.repeat(200), 0.93), model('שלום עולם 🧪', 0.8)]
  await trainMergeRequest(service, ruled, iid, models)
  await noteSaying(service, ruled, iid, /gate failed/i)
  return { path: project.path, mrIid: iid }
}
