import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import type { Config } from './config.js'
import { createAddresses } from './domain/addresses.js'
import { limits } from './ingest/limits.js'
import type { GitLab } from './gitlab/port.js'
import type { SigningKeys } from './gitlab/keys.js'
import { createKeptAccess } from './kept-access.js'
import type { People } from './people.js'
import type { Queue } from './jobs/queue.js'
import { accessRules } from './plugins/access-rules.js'
import { bodyParser } from './plugins/body-parser.js'
import { ciIdentity } from './plugins/ci-identity.js'
import { errorHandler } from './plugins/error-handler.js'
import { health } from './plugins/health.js'
import { pageFrame } from './plugins/page-frame.js'
import { createAnyProjectAccess } from './plugins/any-project-access.js'
import { createPersonAccess } from './plugins/person-access.js'
import { personIdentity } from './plugins/person-identity.js'
import { createProjectAccess } from './plugins/project-access.js'
import { session } from './plugins/session.js'
import { signInState } from './plugins/sign-in-state.js'
import { securityHeaders } from './plugins/security-headers.js'
import { views } from './plugins/views.js'
import { type AccountOptions, accountRoutes } from './routes/account.js'
import { ciTemplateRoutes } from './routes/ci-template.js'
import { gateRoutes } from './routes/gate.js'
import { createGateReader } from './routes/gate-verdict.js'
import { decisionRoutes } from './routes/decisions.js'
import { deletionRoutes } from './routes/deletion.js'
import { pageRoutes } from './routes/pages.js'
import { peopleRoutes } from './routes/people.js'
import { previewRoutes } from './routes/preview.js'
import { projectRoutes } from './routes/projects.js'
import { createReportIntake } from './routes/report-intake.js'
import { createReportSaving } from './routes/report-saving.js'
import { createReportStatusReader } from './routes/report-status.js'
import { reportRoutes } from './routes/reports.js'
import { createTokenIntake } from './routes/token-intake.js'
import { standaloneRoutes } from './routes/standalone.js'
import { createStandaloneProjects } from './routes/standalone-projects.js'
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
  gitlab: GitLab
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
  const { config, stores, gitlab, people, keys, queue, clock, log, ciTemplate } = options
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
  const addresses = createAddresses(config.publicUrl)
  // Pages link to each other without the host, so that they work under any that reaches them.
  const basePath = new URL(config.publicUrl).pathname.replace(/\/$/, '')
  const pageAddresses = createAddresses(basePath)
  const access = createProjectAccess({
    gitlab,
    projects: stores.projects,
    queue,
    autoConnect: config.autoConnect,
    clock,
  })
  const personAccess = createPersonAccess({
    gitlab,
    forPerson: people.clients.forPerson,
    ...stores,
    clock,
  })
  const anyAccess = createAnyProjectAccess({ personAccess, projects: stores.projects })
  const saveReport = createReportSaving(stores)

  const keptAccess = people.oauth && createKeptAccess(people.oauth.grants)
  await app.register(accessRules)
  await app.register(errorHandler)
  await app.register(securityHeaders)
  await app.register(bodyParser)
  await app.register(ciIdentity, {
    keys,
    issuer: config.gitlab.issuer,
    audience: config.publicUrl,
    now: () => clock().getTime(),
  })
  await app.register(session, {
    sessions: stores.sessions,
    publicUrl: config.publicUrl,
    sessionSecret: config.sessionSecret,
    clock,
  })
  await app.register(personIdentity, { apiTokens: stores.apiTokens, clock })
  await app.register(health, { pingDatabase: stores.ping })
  await app.register(reportRoutes, {
    access,
    addresses,
    anyAccess,
    intake: createReportIntake({ ...stores, saveReport, queue, clock }),
    tokenIntake: createTokenIntake({ saveReport, clock }),
    status: createReportStatusReader({ ...stores, addresses }),
  })
  await app.register(gateRoutes, { access, gate: createGateReader({ ...stores, queue, addresses, clock }) })
  await app.register(projectRoutes, { personAccess, anyAccess, addresses, ...stores })
  await app.register(standaloneRoutes, {
    anyAccess,
    addresses,
    standalone: createStandaloneProjects({ gitlab, personAccess, projects: stores.projects, clock }),
  })
  const touchedNotes = createTouchedNotes(stores)
  await app.register(decisionRoutes, { ...stores, personAccess, touchedNotes, queue, clock })
  const deleting = { ...stores, anyAccess, personAccess, touchedNotes, keptAccess, queue, clock }
  await app.register(deletionRoutes, deleting)
  await app.register(peopleRoutes, { ...stores, personAccess, addresses })
  await app.register(previewRoutes)
  await app.register(webhookRoutes, {
    ...stores,
    queue,
    clock,
    sealer: createSealer(config.encryptionKeys),
  })
  await app.register(ciTemplateRoutes, { source: ciTemplate, publicUrl: config.publicUrl })
  await app.register(rulesSchemaRoutes)
  await app.register(views, { addresses: pageAddresses })
  await app.register(pageFrame, { addresses: pageAddresses, basePath, canSignIn: people.oauth !== null })
  await registerAccount(app, options, { personAccess, keptAccess, addresses: pageAddresses })
  await app.register(pageRoutes, {
    personAccess,
    addresses: pageAddresses,
    publicUrl: config.publicUrl,
    ...stores,
  })
  return app
}

/** Signing in, and the pages of whoever is signed in. */
async function registerAccount(
  app: FastifyInstance,
  { config, stores, people, clock }: AppOptions,
  { addresses, ...parts }: Pick<AccountOptions, 'personAccess' | 'keptAccess' | 'addresses'>,
): Promise<void> {
  await app.register(accountRoutes, {
    sessions: stores.sessions,
    apiTokens: stores.apiTokens,
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
