import type { FastifyBaseLogger } from 'fastify'
import { administratorLevel, canConfigure, canPost, canRead } from '../domain/permissions.js'
import { Problem } from '../errors.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab, GitLabPerson, GitLabProject } from '../gitlab/port.js'
import type { RegisterHook } from './hook-registration.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'
import { sealOwnBot, tokenEndFrom } from './own-bot.js'
import type { People } from '../people.js'
import type { AnyProjectAccess } from '../plugins/any-project-access.js'
import { refusalOf } from '../plugins/person-actions.js'
import type { Person } from '../plugins/person-identity.js'
import { askGitLab, noSuchProject, type ProjectAccess } from '../plugins/project-access.js'
import { projectFacts } from './project-refresh.js'
import { isRefusal } from './speaker-ladder.js'
import type { Rung, Speakers } from './speakers.js'
import type { ConnectionStore } from '../stores/connection-store.js'
import type { DeliveryStore } from '../stores/delivery-store.js'
import type { Project, ProjectFacts, ProjectStore } from '../stores/project-store.js'
import type { Sealer } from '../stores/sealing.js'

export interface ConnectingOptions {
  people: People
  speakers: Pick<Speakers, 'gitlab' | 'look' | 'forget'>
  registerHook: RegisterHook
  projects: Pick<
    ProjectStore,
    'find' | 'findByGitLabId' | 'connect' | 'connectStandalone' | 'refresh' | 'listConnected' | 'listOfMember'
  >
  connections: Pick<ConnectionStore, 'setConsent' | 'setOwnBot' | 'reconnect'>
  deliveries: Pick<DeliveryStore, 'findNewestAt'>
  anyAccess: Pick<AnyProjectAccess, 'getAllowedStandalone'>
  access: Pick<ProjectAccess, 'forget'>
  sealer: Sealer
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
  log: Pick<FastifyBaseLogger, 'info' | 'warn'>
}

export interface ConnectRequest {
  person: Person
  gitlabProjectId: number
  /** Whether the person lets this service post in the project by their consent of kind `posting`. */
  letPost: boolean
  /** A standalone project that is to become this one. */
  standaloneId: string | null
}

/** A project of GitLab beside the maintainer who looks at it, before and after it is connected. */
export interface ConnectLook {
  gitlabProject: GitLabProject
  /** Null where it is not connected, or no longer. */
  connected: { project: Project; rungs: Rung[]; lastDeliveryAt: Date | null } | null
  /** Null where the instance has no bot, or it cannot be asked. */
  bot: { username: string; canPost: boolean } | null
  /** Whether the person has allowed this service to post in their name, for whichever project. */
  hasPostingGrant: boolean
  /** Own standalone projects, which could become this one. */
  standalone: { id: string; path: string }[]
}

export interface ConnectablePage {
  projects: { gitlabProjectId: number; path: string; isConnected: boolean }[]
  hasNextPage: boolean
}

export interface Connecting {
  /** Projects that the person is a Maintainer of, 20 on a page, the last active first.
   * @throws Problem GRANT_…, GITLAB_UNAVAILABLE */
  listConnectable(person: Person, filter: { search: string; page: number }): Promise<ConnectablePage>
  /** @throws Problem NOT_FOUND, ROLE_TOO_LOW, GRANT_…, GITLAB_UNAVAILABLE */
  look(person: Person, gitlabProjectId: number): Promise<ConnectLook>
  /** Connects the project, or mends what is missing of its connection; the same however often it is called.
   * @throws Problem PROJECT_ARCHIVED, ALREADY_CONNECTED, API_TOKEN_READ_ONLY, and all of `look` */
  connectProject(request: ConnectRequest): Promise<{ project: Project; isNew: boolean }>
}

export function createConnecting(options: ConnectingOptions): Connecting {
  const { people, speakers, projects, connections, deliveries, access, queue, clock, log } = options
  const flights = new Map<string, Promise<Project>>()
  const letSpeak = createConsents(options)
  const getMaintained = createMaintainerCheck(people.clients)

  async function connectProject(request: ConnectRequest): Promise<{ project: Project; isNew: boolean }> {
    const { person, gitlabProjectId, letPost } = request
    refuseLimited(person)
    const { user, gitlabProject } = await getMaintained(person, gitlabProjectId)
    if (gitlabProject.archived) {
      throw new Problem('PROJECT_ARCHIVED', { message: `${gitlabProject.path} is archived in GitLab.` })
    }
    // Without it nothing is to have happened.
    if (letPost) await people.oauth?.grants.getAccessToken(user.id, 'posting')
    const isNew = (await projects.findByGitLabId(gitlabProjectId)) === null
    const key = JSON.stringify([gitlabProjectId, user.id, letPost, request.standaloneId])
    const flight = flights.get(key) ?? complete(request, user, projectFacts(gitlabProject))
    flights.set(key, flight)
    try {
      return { project: await flight, isNew }
    } finally {
      flights.delete(key)
    }
  }

  async function complete(
    request: ConnectRequest,
    user: GitLabPerson,
    facts: ProjectFacts,
  ): Promise<Project> {
    const { gitlabProjectId, letPost } = request
    const project = await getRow(request, facts)
    access.forget(gitlabProjectId)
    speakers.forget(gitlabProjectId)
    if (letPost) await letSpeak(project, user)
    speakers.forget(gitlabProjectId)
    await addHook(project)
    log.info({ projectId: project.id, gitlabProjectId, gitlabUserId: user.id, letPost }, 'Project connected')
    return (await projects.find(project.id)) ?? project
  }

  /** The unique index is what keeps a repository from getting two. */
  async function getRow(
    { person, gitlabProjectId, standaloneId }: ConnectRequest,
    facts: ProjectFacts,
  ): Promise<Project> {
    const known = await projects.findByGitLabId(gitlabProjectId)
    if (standaloneId !== null && known?.id !== standaloneId) {
      if (known !== null) throw alreadyConnected(facts)
      return becomeConnected(person, standaloneId, facts)
    }
    if (known === null) return projects.connect(facts, clock())
    await projects.refresh(known.id, facts, clock())
    await connections.reconnect(known.id)
    return (await projects.find(known.id)) ?? known
  }

  async function becomeConnected(
    person: Person,
    standaloneId: string,
    facts: ProjectFacts,
  ): Promise<Project> {
    const { project } = await options.anyAccess.getAllowedStandalone(person, standaloneId, 'configure')
    const outcome = await projects.connectStandalone(project.id, facts, clock())
    if (outcome.kind === 'taken') throw alreadyConnected(facts)
    if (outcome.kind === 'not_found') throw noSuchProject()
    return outcome.project
  }

  async function addHook({ id, gitlabProjectId }: Project): Promise<void> {
    try {
      if ((await options.registerHook(id)) !== 'registered') return
      const hookId = (await projects.find(id))?.hook.hookId ?? null
      const isProved = (await deliveries.findNewestAt(id)) !== null
      if (hookId !== null && !isProved) await speakers.gitlab.testHook(gitlabProjectId, hookId)
    } catch (error) {
      if (!(error instanceof GitLabError)) throw error
      log.warn({ err: error, projectId: id }, 'The webhook is left to the worker')
      await queue.enqueue(jobKey.hook(id))
    }
  }

  return { ...createLooks(options, getMaintained), connectProject }
}

type MaintainerCheck = ReturnType<typeof createMaintainerCheck>

function createLooks(
  { people, speakers, projects, deliveries }: ConnectingOptions,
  getMaintained: MaintainerCheck,
): Pick<Connecting, 'listConnectable' | 'look'> {
  const { clients } = people

  async function listConnectable(
    person: Person,
    filter: { search: string; page: number },
  ): Promise<ConnectablePage> {
    const own = getOwn(person)
    const listed = await askGitLab(() => own.listMaintainedProjects(filter))
    const connected = new Set(await projects.listConnected(listed.projects.map(({ id }) => id)))
    return {
      projects: listed.projects.map(({ id, path }) => ({
        gitlabProjectId: id,
        path,
        isConnected: connected.has(id),
      })),
      hasNextPage: listed.hasNextPage,
    }
  }

  async function look(person: Person, gitlabProjectId: number): Promise<ConnectLook> {
    const { user, gitlabProject } = await getMaintained(person, gitlabProjectId)
    const known = await projects.findByGitLabId(gitlabProjectId)
    const project = known === null || known.disconnectedAt ? null : known
    const grant = await people.oauth?.grants.findState(user.id, 'posting')
    return {
      gitlabProject,
      connected: project && {
        project,
        rungs: await askGitLab(() => speakers.look(project)),
        lastDeliveryAt: await deliveries.findNewestAt(project.id),
      },
      bot: await lookAtBot(gitlabProjectId),
      hasPostingGrant: grant?.state === 'usable',
      standalone: known === null ? await listStandalone(user.id) : [],
    }
  }

  async function lookAtBot(gitlabProjectId: number): Promise<ConnectLook['bot']> {
    const { bot } = clients
    if (bot === null) return null
    try {
      const user = await bot.getCurrentUser()
      return {
        username: user.username,
        canPost: canPost(await bot.findAccessLevel(gitlabProjectId, user.id)),
      }
    } catch (error) {
      if (isRefusal(error)) return null
      return askGitLab(() => Promise.reject(error))
    }
  }

  async function listStandalone(gitlabUserId: number): Promise<ConnectLook['standalone']> {
    const own = await projects.listOfMember(gitlabUserId, { limit: 100, after: null, among: null })
    return own
      .filter(({ members }) =>
        members.some((one) => one.gitlabUserId === gitlabUserId && canConfigure(one.accessLevel)),
      )
      .map(({ id, path }) => ({ id, path }))
  }

  function getOwn({ gitlabUserId }: Person): GitLab {
    const own = clients.forPerson(gitlabUserId)
    if (own !== null) return own
    throw new Problem('SIGN_IN_OFF', { message: 'Nobody can sign in here.' })
  }

  return { listConnectable, look }
}

/** The person's role, asked for with their own consent and now, whatever is remembered of it. */
function createMaintainerCheck({ forPerson }: People['clients']) {
  return async (person: Person, gitlabProjectId: number) => {
    const own = forPerson(person.gitlabUserId)
    if (own === null) throw new Problem('SIGN_IN_OFF', { message: 'Nobody can sign in here.' })
    const user = await askGitLab(() => own.getCurrentPerson())
    const gitlabProject = await askGitLab(() => own.findProject(gitlabProjectId))
    if (user.id !== person.gitlabUserId || gitlabProject === null) throw noSuchProject()
    const accessLevel = await askGitLab(() => findLevel(own, user, gitlabProjectId))
    // GitLab shows guests more than this service does.
    if (!canRead(gitlabProject, { accessLevel, external: user.external })) throw noSuchProject()
    const refusal = refusalOf({ scope: 'write' }, { user, project: gitlabProject, accessLevel }, 'connect')
    if (refusal !== null) throw refusal
    return { user, gitlabProject }
  }
}

/** GitLab before 17.4 may leave out who is a member by an invited group, but lists their projects. */
async function findLevel(own: GitLab, user: GitLabPerson, gitlabProjectId: number): Promise<number | null> {
  if (user.admin === true) return administratorLevel
  const level = await own.findAccessLevel(gitlabProjectId, user.id)
  if (canConfigure(level)) return level
  const range = { idAfter: gitlabProjectId - 1, idBefore: gitlabProjectId + 1 }
  const { gitlabProjectIds } = await own.listMemberProjects({ minAccessLevel: 40, ...range }, 1)
  return gitlabProjectIds.includes(gitlabProjectId) ? 40 : level
}

/** What a maintainer's consent is used for: a bot of the project's own where GitLab makes one, else it stands for it. */
function createConsents(options: ConnectingOptions) {
  const { people, speakers, connections, sealer, clock, log } = options

  return async function letSpeak(project: Project, user: GitLabPerson): Promise<void> {
    const gitlab = people.clients.forPerson(user.id, 'posting')
    if (gitlab === null) throw new Problem('SIGN_IN_OFF', { message: 'Nobody can sign in here.' })
    const { id: gitlabUserId, username } = user
    await connections.setConsent(project.id, { gitlabUserId, username, at: clock() })
    const rungs = await askGitLab(() => speakers.look(project))
    if (rungs.some(({ kind, reason }) => kind === 'project-bot' && reason === null)) return
    await makeOwnBot(project, gitlab)
  }

  async function makeOwnBot({ id, gitlabProjectId, ownBot }: Project, gitlab: GitLab): Promise<void> {
    const expiresAt = tokenEndFrom(clock())
    const made = await gitlab
      .createProjectToken(gitlabProjectId, { name: 'mlmm', expiresAt })
      .catch((error: unknown) => {
        if (!isTokenRefused(error)) return askGitLab(() => Promise.reject(error))
        log.info({ projectId: id, reason: error.reason }, 'GitLab makes no token for the project')
        return null
      })
    if (made === null) return
    const bot = await gitlab.findUser(made.userId).catch(() => null) // The token works without its bot's name.
    const username = bot?.username ?? `project_${gitlabProjectId}_bot`
    const own = sealOwnBot({ projectId: id, username, made, sealer, now: clock() })
    const isOurs = await connections.setOwnBot(id, own, ownBot?.tokenId ?? null)
    if (!isOurs) await askGitLab(() => gitlab.revokeProjectToken(gitlabProjectId, made.id))
  }
}

/** The instance, the edition or the group allows none; or a shorter life than asked for. */
function isTokenRefused(error: unknown): error is GitLabError {
  return error instanceof GitLabError && ['forbidden', 'rejected', 'not_found'].includes(error.kind)
}

/** Which projects there will be, a token that is limited to some cannot say. */
function refuseLimited({ scope, projectIds }: Person): void {
  if (scope === 'write' && projectIds === null) return
  const message =
    scope === 'write'
      ? 'The token is limited to some projects, so it connects none.'
      : 'The token may only read.'
  throw new Problem('API_TOKEN_READ_ONLY', { message })
}

function alreadyConnected({ path }: ProjectFacts): Problem {
  return new Problem('ALREADY_CONNECTED', { message: `${path} is connected to another project already.` })
}
