import { randomBytes } from 'node:crypto'
import type { Kind, Right, Who } from './rights.js'
import type { Account, GridProject, World } from './world.js'

/** What a request needs to be let in. */
export type Need =
  /** Whoever asks. */
  | 'nothing'
  /** To read the project; without signing in where it is open. */
  | 'read'
  /** To read the project, signed in. */
  | 'signed-in-read'
  | 'write'
  | 'configure'
  /** The same with a page that is not there for others. */
  | 'configure-page'
  /** The same with a browser. */
  | 'session-configure'
  /** To be signed in with a browser, active in GitLab or not. */
  | 'session'
  /** The same and to be active. */
  | 'active-session'
  /** The same, and to read the project that the form names; else the form is refused. */
  | 'session-read'
  /** To be signed in with a browser, and Maintainer of the project. */
  | 'session-maintain'
  /** Whatever browser it is, as long as its own pages ask. */
  | 'own-page'
  /** Whoever asks sees what they may. */
  | 'list'
  /** To be known, with whichever credential of a person. */
  | 'person'
  /** The same with a credential that has no limits. */
  | 'whole-person'
  /** A job of any project, or a person. */
  | 'job-or-person'
  /** A job of a connected project, or who may write the project with a token. */
  | 'report'
  /** A job of the project, or who may read it. */
  | 'report-status'
  | 'job'
  | 'webhook'

export interface Sent {
  url: string
  body?: object
  form?: Record<string, string>
}

/** Who asks for what. */
export interface Cell {
  world: World
  who: Who
  right: Right
  /** Of whoever asks; the maintainer's for who has none. */
  account: Account
  project: GridProject
  /** Whether it is expected to be let in. */
  allowed: boolean
  /** Counts cells. */
  number: number
}

export interface Variant {
  need: Need
  send: (cell: Cell) => Sent | Promise<Sent>
  /** Says in one word what is asked for, where a route has several variants. */
  of?: string
  /** Kinds that have such a thing; the others answer 404 or 409. Default: all. */
  kinds?: Kind[]
  /** What is answered where somebody is let in. Default: 200. */
  done?: number[] | ((kind: Kind) => number[])
  /** A method that might, but here changes nothing. */
  changesNothing?: boolean
  /** Whether jobs are asked for by it, although it only reads. */
  asksForWork?: boolean
  /** Whether everybody signed in is signed out afterwards. */
  endsSessions?: boolean
}

const connected: Kind[] = ['private', 'internal', 'open', 'closed', 'internal-closed']
const standalone: Kind[] = ['standalone']
const reason = { reason: 'because' }

/** By GitLab's number, our id or the path, in turn. */
function ref({ project, number }: Cell): string {
  const names = [project.id, encodeURIComponent(project.path), project.gitlab?.id ?? project.id]
  return String(names[number % names.length])
}

function api(path: (cell: Cell) => string, body?: (cell: Cell) => object): Variant['send'] {
  return (cell) => ({
    url: `/api/v1/projects/${ref(cell)}${path(cell)}`,
    ...(body !== undefined && { body: body(cell) }),
  })
}

function form(name: string, fields: (cell: Cell) => Record<string, string>): Variant['send'] {
  return (cell) => ({ url: `/-/projects/${cell.project.id}/${name}`, form: fields(cell) })
}

/** A form of a connected project's settings; it leads back to them. */
function settingsForm(name: string): Variant {
  return { need: 'session-configure', send: form(name, () => ({})), kinds: connected, done: [303] }
}

function page(path: (project: GridProject) => string): Variant['send'] {
  return ({ project }) => ({ url: `/${project.path}${path(project)}` })
}

function fixed(url: string, body?: object): Variant['send'] {
  return () => ({ url, ...(body !== undefined && { body }) })
}

function connectPage(form?: Record<string, string>): Variant['send'] {
  return ({ project }) => ({ url: `/-/connect/${project.gitlab?.id ?? 999_999}`, ...(form && { form }) })
}

const acceptance = ({ project }: Cell) => `/merge_requests/${project.mrIid}/acceptance`
const exclusion = ({ project }: Cell) => `/models/${project.modelId}/exclusion`

/** A member that can be changed and removed without harm. */
async function spareMember(cell: Cell): Promise<number> {
  const { userId: gitlabUserId, username } = cell.world.spare
  if (cell.allowed && cell.project.kind === 'standalone') {
    await cell.world.service.stores.projects.setMember(cell.project.id, {
      gitlabUserId,
      username,
      accessLevel: 20,
    })
  }
  return gitlabUserId
}

const history = '/-/models/tree/iris'

/** Every route, and what it needs. A route that is missing here fails the test. */
export const expectations: Record<string, Variant[]> = {
  'GET /healthz': [{ need: 'nothing', send: fixed('/healthz') }],
  'GET /readyz': [{ need: 'nothing', send: fixed('/readyz') }],
  'GET /ci/v1/mlmm.yml': [{ need: 'nothing', send: fixed('/ci/v1/mlmm.yml') }],
  'GET /schemas/mlmm-rules.json': [{ need: 'nothing', send: fixed('/schemas/mlmm-rules.json') }],
  'GET /-/assets/:file': [{ need: 'nothing', send: fixed('/-/assets/none.css'), done: [404] }],

  'POST /api/v1/reports': [
    {
      need: 'report',
      send: ({ project, number }) => {
        const model = { name: `grid-${number}`, dataset: 'iris', results: { accuracy: 0.5 } }
        const place = project.kind === 'standalone' ? {} : { commit: project.commit }
        return { url: '/api/v1/reports', body: { project: project.path, ...place, models: [model] } }
      },
      done: [202],
    },
  ],
  'GET /api/v1/reports/:id': [
    { need: 'report-status', send: ({ project }) => ({ url: `/api/v1/reports/${project.reportId}` }) },
  ],
  'GET /api/v1/gate': [{ need: 'job', send: fixed('/api/v1/gate'), asksForWork: true }],
  'POST /api/v1/preview': [
    {
      need: 'job-or-person',
      send: fixed('/api/v1/preview', { head: { accuracy: 0.9 } }),
      changesNothing: true,
    },
  ],
  'POST /webhooks/gitlab/:projectId': [
    {
      need: 'webhook',
      send: ({ project }) => ({ url: `/webhooks/gitlab/${project.id}`, body: hookBody(project) }),
    },
  ],
  'POST /webhooks/gitlab': [
    { need: 'webhook', send: ({ project }) => ({ url: '/webhooks/gitlab', body: hookBody(project) }) },
  ],

  'GET /api/v1/user': [{ need: 'person', send: fixed('/api/v1/user') }],
  'DELETE /api/v1/user': [
    {
      // Without the confirmation where it would be done.
      need: 'whole-person',
      send: ({ allowed, account }) => ({
        url: `/api/v1/user${allowed ? '' : `?confirm=${account.username}`}`,
      }),
      done: [400],
    },
  ],
  'GET /api/v1/projects': [{ need: 'list', send: fixed('/api/v1/projects'), of: 'list' }],
  'POST /api/v1/projects': [
    {
      need: 'whole-person',
      send: ({ number }) => ({ url: '/api/v1/projects', body: { name: `grid-${number}` } }),
      done: [201],
    },
  ],
  'GET /api/v1/projects/:id': [{ need: 'read', send: api(() => '') }],
  'PATCH /api/v1/projects/:id': [
    {
      need: 'configure',
      send: api(
        () => '',
        () => ({ fork_reports: 'refused' }),
      ),
      kinds: connected,
    },
  ],
  'DELETE /api/v1/projects/:id': [
    {
      need: 'configure',
      send: (cell) => ({
        url: `/api/v1/projects/${ref(cell)}${cell.allowed ? '' : `?confirm=${cell.project.path}`}`,
      }),
      done: [400],
    },
  ],
  'DELETE /api/v1/projects/:id/connection': [
    {
      need: 'configure',
      // What the cell before disconnected is connected again.
      send: async (cell) => {
        await cell.world.service.stores.connections.reconnect(cell.project.id)
        return { url: `/api/v1/projects/${ref(cell)}/connection` }
      },
      kinds: connected,
    },
  ],
  'PATCH /api/v1/projects/:id/standalone': [
    {
      need: 'configure',
      send: api(
        () => '/standalone',
        ({ project, allowed }) => ({ description: allowed ? project.marker : 'changed' }),
      ),
      kinds: standalone,
    },
  ],
  'GET /api/v1/projects/:id/members': [
    { need: 'signed-in-read', send: api(() => '/members'), kinds: standalone },
  ],
  'POST /api/v1/projects/:id/members': [
    {
      need: 'configure',
      send: api(
        () => '/members',
        ({ world }) => ({ username: world.spare.username, access_level: 20 }),
      ),
      kinds: standalone,
      done: [201],
    },
  ],
  'PATCH /api/v1/projects/:id/members/:userId': [
    {
      need: 'configure',
      send: async (cell) => ({
        url: `/api/v1/projects/${ref(cell)}/members/${await spareMember(cell)}`,
        body: { access_level: 30 },
      }),
      kinds: standalone,
    },
  ],
  'DELETE /api/v1/projects/:id/members/:userId': [
    {
      need: 'configure',
      send: async (cell) => ({ url: `/api/v1/projects/${ref(cell)}/members/${await spareMember(cell)}` }),
      kinds: standalone,
      done: [204],
    },
  ],
  'GET /api/v1/projects/:id/models': [{ need: 'read', send: api(() => '/models') }],
  'GET /api/v1/projects/:id/models/:modelId': [
    { need: 'read', send: api(({ project }) => `/models/${project.modelId}`) },
    { need: 'read', send: api(() => '/models/none'), of: 'a missing model', done: [404] },
  ],
  'DELETE /api/v1/projects/:id/models/:modelId': [
    {
      need: 'configure',
      send: async (cell) => {
        const { world, project, allowed } = cell
        const modelId = allowed ? await world.addModel(project.kind) : project.modelId
        return { url: `/api/v1/projects/${ref(cell)}/models/${modelId}` }
      },
      done: [204],
    },
  ],
  'GET /api/v1/projects/:id/models/:modelId/exclusion': [
    { need: 'signed-in-read', send: api(exclusion), kinds: connected },
  ],
  'POST /api/v1/projects/:id/models/:modelId/exclusion': [
    { need: 'write', send: api(exclusion, () => reason), kinds: connected, done: [200, 201] },
  ],
  'DELETE /api/v1/projects/:id/models/:modelId/exclusion': [
    { need: 'write', send: api(exclusion), kinds: connected },
  ],
  'GET /api/v1/projects/:id/merge_requests/:iid': [
    { need: 'read', send: api(({ project }) => `/merge_requests/${project.mrIid}`), kinds: connected },
  ],
  'GET /api/v1/projects/:id/merge_requests/:iid/acceptance': [
    { need: 'signed-in-read', send: api(acceptance), kinds: connected },
  ],
  'POST /api/v1/projects/:id/merge_requests/:iid/acceptance': [
    { need: 'configure', send: api(acceptance, () => reason), kinds: connected, done: [200, 201] },
  ],
  'DELETE /api/v1/projects/:id/merge_requests/:iid/acceptance': [
    { need: 'configure', send: api(acceptance), kinds: connected },
  ],

  'GET /-/sign-in': [
    { need: 'nothing', send: fixed('/-/sign-in'), done: [302] },
    { need: 'session', send: fixed('/-/sign-in?for=posting'), of: 'for posting', done: [302] },
  ],
  'GET /-/sign-in/callback': [
    { need: 'nothing', send: fixed('/-/sign-in/callback?code=none&state=none'), done: [400] },
  ],

  'GET /-/connect': [{ need: 'active-session', send: fixed('/-/connect') }],
  'GET /-/connect/:gitlabId': [{ need: 'session-maintain', send: connectPage() }],
  'POST /-/connect/:gitlabId': [{ need: 'session-maintain', send: connectPage({}), done: [303] }],
  'GET /-/profile': [{ need: 'session', send: fixed('/-/profile') }],
  'GET /-/profile/tokens': [{ need: 'active-session', send: fixed('/-/profile/tokens') }],
  'POST /-/profile/tokens': [
    {
      need: 'active-session',
      send: () => ({
        url: '/-/profile/tokens',
        form: { description: 'grid', scope: 'read', projects: '', days: '1', key: formKey() },
      }),
    },
    {
      need: 'session-read',
      of: 'for a project',
      send: ({ project }) => ({
        url: '/-/profile/tokens',
        form: { description: 'grid', scope: 'read', projects: project.path, days: '1', key: formKey() },
      }),
    },
  ],
  'POST /-/profile/tokens/:id/revoke': [
    {
      need: 'session',
      of: 'own',
      send: async ({ world, account, allowed }) => {
        const { id } = await tokenOf(world, account, allowed)
        return { url: `/-/profile/tokens/${id}/revoke`, form: {} }
      },
      done: [303],
    },
    {
      need: 'session',
      of: 'of another',
      send: async ({ world, account }) => {
        const { maintainer, owner } = world.accounts
        const other = account.userId === maintainer.userId ? owner : maintainer
        const { id } = await tokenOf(world, other, false)
        return { url: `/-/profile/tokens/${id}/revoke`, form: {} }
      },
      done: [404],
    },
  ],
  'POST /-/profile/sessions/:id/revoke': [
    {
      need: 'session',
      of: 'of another',
      send: async ({ world, account }) => {
        const { maintainer, owner } = world.accounts
        const other = account.userId === maintainer.userId ? owner : maintainer
        const [first] = await world.service.stores.sessions.list(other.userId, new Date())
        return { url: `/-/profile/sessions/${first?.id ?? 'none'}/revoke`, form: {} }
      },
      done: [404],
    },
    {
      need: 'session',
      of: 'own',
      send: async ({ world, account }) => {
        const [first] = await world.service.stores.sessions.list(account.userId, new Date())
        return { url: `/-/profile/sessions/${first?.id ?? 'none'}/revoke`, form: {} }
      },
      done: [303],
      endsSessions: true,
    },
  ],
  'POST /-/profile/gitlab/forget': [
    { need: 'session', send: () => ({ url: '/-/profile/gitlab/forget', form: {} }), done: [303] },
  ],
  'POST /-/sign-out': [
    {
      need: 'own-page',
      send: () => ({ url: '/-/sign-out', form: {} }),
      done: [303],
      endsSessions: true,
    },
  ],
  'POST /-/sign-out/everywhere': [
    {
      need: 'session',
      send: () => ({ url: '/-/sign-out/everywhere', form: {} }),
      done: [303],
      endsSessions: true,
    },
  ],

  'GET /-/new': [{ need: 'session', send: fixed('/-/new') }],
  'POST /-/new': [
    {
      need: 'active-session',
      send: ({ number }) => ({ url: '/-/new', form: { name: `grid-${number}` } }),
      done: [303],
    },
  ],
  'POST /-/projects/:id/test-delivery': [settingsForm('test-delivery')],
  'POST /-/projects/:id/rotate-secrets': [settingsForm('rotate-secrets')],
  'POST /-/projects/:id/poster': [settingsForm('poster')],
  'POST /-/projects/:id/fork-reports': [settingsForm('fork-reports')],
  // Without the confirmation where it would be done.
  'POST /-/projects/:id/disconnect': [settingsForm('disconnect')],
  'POST /-/projects/:id/description': [
    {
      need: 'session-configure',
      send: form('description', ({ project, allowed }) => ({
        description: allowed ? project.marker : 'changed',
      })),
      kinds: standalone,
      done: [303],
    },
  ],
  'POST /-/projects/:id/members': [
    {
      need: 'session-configure',
      send: form('members', ({ world }) => ({ username: world.spare.username, access_level: '20' })),
      kinds: standalone,
      done: [303],
    },
  ],
  'POST /-/projects/:id/members/:userId': [
    {
      need: 'session-configure',
      send: async (cell) => ({
        url: `/-/projects/${cell.project.id}/members/${await spareMember(cell)}`,
        form: { access_level: '30' },
      }),
      kinds: standalone,
      done: [303],
    },
  ],
  'POST /-/projects/:id/members/:userId/remove': [
    {
      need: 'session-configure',
      send: async (cell) => ({
        url: `/-/projects/${cell.project.id}/members/${await spareMember(cell)}/remove`,
        form: {},
      }),
      kinds: standalone,
      done: [303],
    },
  ],
  'POST /-/projects/:id/models/:modelId/delete': [
    {
      need: 'session-configure',
      send: async ({ world, project, allowed }) => {
        const modelId = allowed ? await world.addModel(project.kind) : project.modelId
        const { name } = (await world.service.stores.models.findModel(project.id, modelId)) ?? { name: '' }
        return { url: `/-/projects/${project.id}/models/${modelId}/delete`, form: { confirm: name } }
      },
      done: [303],
    },
  ],
  'POST /-/projects/:id/merge_requests/:iid/accept': [
    {
      need: 'session-configure',
      send: form('merge_requests/7/accept', () => reason),
      kinds: connected,
      done: [303],
    },
  ],
  'POST /-/projects/:id/merge_requests/:iid/withdraw': [
    {
      need: 'session-configure',
      send: form('merge_requests/7/withdraw', () => ({})),
      kinds: connected,
      done: [303],
    },
  ],
  'POST /-/projects/:id/delete': [
    {
      // Without the confirmation where it would be done.
      need: 'session-configure',
      send: form('delete', ({ project, allowed }) => ({ confirm: allowed ? '' : project.path })),
      // A connected project's form says on its own page what was wrong.
      done: (kind) => (kind === 'standalone' ? [400] : [303]),
    },
  ],
  'POST /-/profile/delete': [
    {
      need: 'active-session',
      send: ({ allowed, account }) => ({
        url: '/-/profile/delete',
        form: { confirm: allowed ? '' : account.username },
      }),
      done: [400],
    },
  ],

  'GET /*': [
    { need: 'list', send: fixed('/'), of: 'list' },
    { need: 'read', send: page(() => ''), of: 'project' },
    { need: 'read', send: page(() => '/-/models'), of: 'models' },
    { need: 'read', send: page(() => history), of: 'history' },
    {
      need: 'read',
      send: page(({ kind, commit }) => `${history}/${kind === 'standalone' ? 'v-1' : commit}`),
      of: 'model',
    },
    {
      need: 'read',
      send: page(({ mrIid }) => `/-/merge_requests/${mrIid}`),
      of: 'merge request',
      kinds: connected,
    },
    { need: 'configure-page', send: page(() => '/-/settings'), of: 'settings' },
    { need: 'nothing', send: fixed('/api/v1/none'), of: 'no such address', done: [404] },
    { need: 'nothing', send: fixed('/one'), of: 'no such page', done: [404] },
  ],
}

function hookBody({ gitlab }: GridProject): object {
  // GitLab sends no notes here; they are known and ignored.
  return { object_kind: 'note', project: { id: gitlab?.id ?? 1 }, project_id: gitlab?.id ?? 1 }
}

function formKey(): string {
  return randomBytes(16).toString('base64url')
}

async function tokenOf(world: World, account: Account, isNew: boolean): Promise<{ id: string }> {
  const { apiTokens } = world.service.stores
  const now = new Date()
  const [first] = (await apiTokens.list(account.userId, now)).tokens
  if (first !== undefined && !isNew) return first
  const expiresAt = new Date(now.getTime() + 60_000)
  const { userId: gitlabUserId, username: name } = account
  return (await apiTokens.create({ gitlabUserId, name, scope: 'read', expiresAt }, now)).row
}
