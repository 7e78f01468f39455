import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Config } from './config.js'
import { createAddresses } from './domain/addresses.js'
import { limits } from './ingest/limits.js'
import { createConnecting } from './connection/connecting.js'
import { createHookRegistration } from './connection/hook-registration.js'
import type { Speakers } from './connection/speakers.js'
import type { SigningKeys } from './gitlab/keys.js'
import { createKeptAccess } from './grants/kept-access.js'
import { createDisconnect } from './connection/disconnecting.js'
import { createHookSecrets } from './connection/hook-secrets.js'
import type { People } from './people.js'
import type { Queue } from './jobs/queue.js'
import { createSealTrigger } from './routes/seal-trigger.js'
import { accessRules } from './plugins/access-rules.js'
import { bodyParser } from './plugins/body-parser.js'
import { ciIdentity } from './plugins/ci-identity.js'
import { errorHandler } from './plugins/error-handler.js'
import { health } from './plugins/health.js'
import { pageFrame } from './plugins/page-frame.js'
import { createAnyProjectAccess } from './plugins/any-project-access.js'
import { createPersonAccess } from './plugins/person-access.js'
import { personIdentity } from './plugins/person-identity.js'
import { refusals } from './plugins/refusals.js'
import { createProjectAccess } from './plugins/project-access.js'
import { session } from './plugins/session.js'
import { signInState } from './plugins/sign-in-state.js'
import { securityHeaders } from './plugins/security-headers.js'
import { views } from './plugins/views.js'
import { type AccountOptions, accountRoutes } from './routes/account.js'
import { ciTemplateRoutes } from './routes/ci-template.js'
import { gateRoutes } from './routes/gate.js'
import { createGateReader } from './routes/gate-verdict.js'
import { connectRoutes } from './routes/connect.js'
import { acceptancePages } from './routes/acceptance-pages.js'
import { decisionRoutes } from './routes/decisions.js'
import { createDeleting } from './routes/deleting.js'
import { deletionRoutes } from './routes/deletion.js'
import { deletionPages } from './routes/deletion-pages.js'
import { pageRoutes } from './routes/pages.js'
import { peopleRoutes } from './routes/people.js'
import { previewRoutes } from './routes/preview.js'
import { connectionRoutes } from './routes/connection.js'
import { projectSettingsRoutes } from './routes/project-settings.js'
import { projectRoutes } from './routes/projects.js'
import { createReportIntake } from './routes/report-intake.js'
import { createReportSaving } from './routes/report-saving.js'
import { createReportStatusReader } from './routes/report-status.js'
import { reportRoutes } from './routes/reports.js'
import { createTokenIntake } from './routes/token-intake.js'
import { standaloneRoutes } from './routes/standalone.js'
import { createStandaloneProjects } from './routes/standalone-projects.js'
import { standaloneSettingsRoutes } from './routes/standalone-settings.js'
import { createTouchedNotes } from './routes/touched-notes.js'
import { signInRoutes } from './routes/sign-in.js'
import { rulesSchemaRoutes } from './routes/rules-schema.js'
import { webhookRoutes } from './routes/webhooks.js'
import { createSealer } from './stores/sealing.js'
import type { Stores } from './stores/stores.js'

export interface AppOptions {
  config: Pick<
    Config,
    'publicUrl' | 'gitlab' | 'autoConnect' | 'trustProxy' | 'sessionSecret' | 'oauth' | 'encryptionKeys'
  >
  stores: Stores
  speakers: Speakers
  people: People
  keys: SigningKeys
  queue: Queue
  clock: () => Date
  log: FastifyBaseLogger
  /** Text of `ci-templates/templates/mlmm.yml`. */
  ciTemplate: string
}

/** The HTTP side of the service. Reads no environment and starts nothing. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const app = createServer(options)
  const shared = createShared(options)
  await registerIdentities(app, options)
  await registerApi(app, options, shared)
  await registerPages(app, options, shared)
  return app
}

function createServer({ config, log }: AppOptions): FastifyInstance {
  const app: FastifyInstance = fastify({
    loggerInstance: log,
    bodyLimit: limits.bodyBytes,
    requestTimeout: 120_000,
    keepAliveTimeout: 65_000,
    trustProxy: config.trustProxy,
    requestIdHeader: false,
    genReqId: () => crypto.randomUUID(),
    logController: new LogController({ disableRequestLogging: true }),
    // An ID token lists up to 200 groups.
    http: { maxHeaderSize: 64 * 1024 },
    routerOptions: { maxParamLength: 10_000 },
    // An address that cannot be read passes no hook, so it goes round again as one that there is not.
    frameworkErrors: (_error, request, reply) => {
      request.raw.url = '/api/v1/unreadable'
      app.routing(request.raw, reply.raw)
    },
    return503OnClosing: true,
  })
  return app
}

type Shared = ReturnType<typeof createShared>

/** What routes of the API and of pages both need. */
function createShared(options: AppOptions) {
  const { config, stores, speakers, people, queue, clock, log } = options
  const { gitlab } = speakers
  const { projects } = stores
  const access = createProjectAccess({ gitlab, projects, queue, autoConnect: config.autoConnect, clock })
  const { forPerson } = people.clients
  const personAccess = createPersonAccess({ gitlab, forPerson, ...stores, clock })
  const anyAccess = createAnyProjectAccess({ personAccess, projects })
  const sealer = createSealer(config.encryptionKeys)
  const { publicUrl } = config
  const registerHook = createHookRegistration({ gitlab, projects, sealer, publicUrl, clock })
  const { clients } = people
  const { forget } = access
  const disconnect = createDisconnect({ ...stores, speakers, clients, forget, publicUrl, clock, log })
  const parts = {
    disconnect,
    sealer,
    access,
    personAccess,
    anyAccess,
    connecting: createConnecting({ ...options, ...stores, access, anyAccess, registerHook, sealer }),
    keptAccess: people.oauth && createKeptAccess(people.oauth.grants),
    touchedNotes: createTouchedNotes(stores),
    sealTrigger: createSealTrigger({ queue, log }),
  }
  return {
    ...parts,
    standalone: createStandaloneProjects({ gitlab, personAccess, projects, clock }),
    deleting: createDeleting({ ...stores, ...parts, queue, clock }),
    addresses: createAddresses(config.publicUrl),
  }
}

/** Who asks: jobs, browsers, scripts. */
async function registerIdentities(
  app: FastifyInstance,
  { config, stores, keys, clock }: AppOptions,
): Promise<void> {
  const { publicUrl, sessionSecret } = config
  await app.register(accessRules)
  await app.register(errorHandler)
  await app.register(securityHeaders)
  await app.register(bodyParser)
  await app.register(refusals)
  await app.register(ciIdentity, {
    keys,
    issuer: config.gitlab.issuer,
    audience: publicUrl,
    now: () => clock().getTime(),
  })
  await app.register(session, { sessions: stores.sessions, publicUrl, sessionSecret, clock })
  await app.register(personIdentity, { apiTokens: stores.apiTokens, clock })
}

/** What jobs, scripts and GitLab call. */
async function registerApi(app: FastifyInstance, options: AppOptions, shared: Shared): Promise<void> {
  const { config, stores, queue, clock, ciTemplate } = options
  const { addresses } = shared
  const saveReport = createReportSaving({ ...stores, onStored: shared.sealTrigger.onStored })
  await app.register(health, { pingDatabase: stores.ping })
  await app.register(reportRoutes, {
    ...shared,
    intake: createReportIntake({ ...stores, saveReport, queue, clock }),
    tokenIntake: createTokenIntake({ saveReport, clock }),
    status: createReportStatusReader({ ...stores, addresses }),
  })
  await app.register(gateRoutes, {
    ...shared,
    gate: createGateReader({ ...stores, queue, addresses, clock }),
  })
  await app.register(projectRoutes, { ...shared, ...stores })
  await app.register(standaloneRoutes, shared)
  await app.register(decisionRoutes, { ...shared, ...stores, queue, clock })
  await app.register(deletionRoutes, shared)
  await app.register(peopleRoutes, { ...shared, ...stores })
  await app.register(previewRoutes, shared)
  await app.register(connectionRoutes, { ...shared, ...stores, clock })
  await app.register(webhookRoutes, { ...shared, ...stores, queue, clock })
  await app.register(ciTemplateRoutes, { source: ciTemplate, publicUrl: config.publicUrl })
  await app.register(rulesSchemaRoutes)
}

/** What people look at. Pages link to each other without the host, so that they work under any that reaches them. */
async function registerPages(app: FastifyInstance, options: AppOptions, shared: Shared): Promise<void> {
  const { config, stores, people, speakers, queue, clock } = options
  const { publicUrl } = config
  const basePath = new URL(publicUrl).pathname.replace(/\/$/, '')
  const addresses = createAddresses(basePath)
  const { personAccess, anyAccess, keptAccess, standalone, deleting, connecting } = shared
  await app.register(views, { addresses })
  await app.register(pageFrame, { addresses, basePath, canSignIn: people.oauth !== null })
  await app.register(standaloneSettingsRoutes, { anyAccess, standalone, addresses, publicUrl })
  await app.register(deletionPages, { anyAccess, deleting, addresses, publicUrl })
  await app.register(acceptancePages, { ...stores, personAccess, addresses, publicUrl, queue, clock })
  await app.register(connectRoutes, { connecting, addresses, publicUrl })
  await registerAccount(app, options, { personAccess, anyAccess, keptAccess, addresses })
  await app.register(projectSettingsRoutes, {
    ...shared,
    ...stores,
    rotateSecrets: createHookSecrets({ ...shared, ...stores, speakers, queue, publicUrl, clock }),
    speakers,
    addresses,
    publicUrl,
    queue,
    clock,
  })
  const { sealTrigger } = shared
  await app.register(pageRoutes, { anyAccess, addresses, publicUrl, speakers, sealTrigger, clock, ...stores })
}

/** Signing in, and the pages of whoever is signed in. */
async function registerAccount(
  app: FastifyInstance,
  { config, stores, people, clock }: AppOptions,
  { addresses, ...parts }: Pick<AccountOptions, 'personAccess' | 'anyAccess' | 'keptAccess' | 'addresses'>,
): Promise<void> {
  await app.register(accountRoutes, {
    sessions: stores.sessions,
    apiTokens: stores.apiTokens,
    projects: stores.projects,
    ...parts,
    addresses,
    publicUrl: config.publicUrl,
    gitlabUrl: config.gitlab.url,
    clock,
  })
  await app.register(signInState, {
    publicUrl: config.publicUrl,
    sessionSecret: config.sessionSecret,
    clock,
  })
  await app.register(signInRoutes, {
    signIn: people.oauth?.signIn ?? null,
    sessions: stores.sessions,
    addresses,
    publicUrl: config.publicUrl,
    clock,
  })
}
