import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Mongod, startMongod } from '../embedded/mongod.js'
import { supervise } from '../embedded/supervise.js'
import { type Cast, type CastMember, createCast } from '../simulator/people.js'
import { type Simulator, startSimulator } from '../simulator/simulator.js'
import { freePort, type ServiceProcess, startService } from './service-process.js'

/** Everything that the story needs, running: a database, a GitLab and the service. */
export interface DemoWorld {
  mongod: Mongod
  simulator: Simulator
  serviceUrl: string
  people: Cast & { bot: CastMember }
  /** A temporary folder, removed at the end. */
  folder: string
  service(): ServiceProcess
  /** Kills the service (-9) and starts it again. */
  crashService(): Promise<void>
  serviceLogEnd(): Promise<string>
  close(): Promise<void>
}

/** A project that nobody has connected. */
export const unconnectedPath = 'wine/quality'
const logLinesShown = 20

export async function startWorld(tell: (line: string) => void): Promise<DemoWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'mlmm-demo-'))
  const serviceLog = join(folder, 'service.log')
  // Removes the folder, however this process ends.
  const keeper = await supervise(['tail', '-f', '/dev/null'], { signal: 'TERM', temporaryFolder: folder })
  const closing: (() => Promise<unknown>)[] = [() => keeper.stop()]
  const close = async () => {
    for (const end of closing.splice(0).toReversed()) await end()
  }
  try {
    const mongod = await startMongod({ log: tell })
    closing.push(() => mongod.stop())
    tell(`MongoDB   ${mongod.url}`)

    const simulator = await startSimulator({ runner: true })
    closing.push(() => simulator.close())
    tell(`GitLab    ${simulator.url} (simulated)`)
    const bot = simulator.createUser({ username: 'mlmm-bot', name: 'mlmm', bot: true })
    const people = { ...createCast(simulator), bot }
    await createUnconnected(simulator, people)

    const serviceUrl = `http://127.0.0.1:${await freePort()}`
    const application = simulator.createApplication({
      name: 'mlmm',
      redirectUri: `${serviceUrl}/-/sign-in/callback`,
      scopes: 'read_user read_api api',
    })
    const secrets = {
      GITLAB_BOT_TOKEN: bot.token,
      GITLAB_CLIENT_ID: application.clientId,
      GITLAB_CLIENT_SECRET: application.clientSecret,
      ENCRYPTION_KEYS: `demo:${randomBytes(32).toString('base64')}`,
      SESSION_SECRET: randomBytes(32).toString('hex'),
    }
    const env = { ...addresses(serviceUrl, mongod, simulator), ...secrets }
    const start = () => startService(env, serviceLog)
    let service = await start()
    closing.push(() => service.stop())
    tell(`mlmm      ${serviceUrl}`)

    return {
      mongod,
      simulator,
      serviceUrl,
      people,
      folder,
      close,
      service: () => service,
      async serviceLogEnd() {
        const lines = (await readFile(serviceLog, 'utf8')).trimEnd().split('\n')
        return lines.slice(-logLinesShown).join('\n')
      },
      async crashService() {
        await service.kill()
        service = await start()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Private, and of no path that connects itself: for who wants to try that. */
async function createUnconnected(simulator: Simulator, { maya, members }: Cast): Promise<void> {
  const { id } = await simulator.createProject({ path: unconnectedPath, visibility: 'private', members })
  const files = { 'README.md': 'Wine quality\n' }
  await simulator.pushFiles({ projectId: id, userId: maya.id, branch: 'main', message: 'First', files })
}

function addresses(serviceUrl: string, mongod: Mongod, simulator: Simulator): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: new URL(serviceUrl).port,
    PUBLIC_URL: serviceUrl,
    MONGODB_URL: mongod.url,
    GITLAB_URL: simulator.url,
    AUTO_CONNECT: 'research/*',
    LOG_LEVEL: 'info',
  }
}
