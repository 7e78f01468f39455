import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Mongod, startMongod } from '../embedded/mongod.js'
import { supervise } from '../embedded/supervise.js'
import { type Simulator, startSimulator } from '../simulator/simulator.js'
import { freePort, type ServiceProcess, startService } from './service-process.js'

/** Everything that the story needs, running: a database, a GitLab and the service. */
export interface DemoWorld {
  mongod: Mongod
  simulator: Simulator
  serviceUrl: string
  people: Record<'maya' | 'devon' | 'bot', { id: number; username: string; name: string; token: string }>
  /** A temporary folder, removed at the end. */
  folder: string
  service(): ServiceProcess
  /** Kills the service (-9) and starts it again. */
  crashService(): Promise<void>
  serviceLogEnd(): Promise<string>
  close(): Promise<void>
}

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
    const people = {
      maya: simulator.createUser({ username: 'maya', name: 'Maya Maintainer' }),
      devon: simulator.createUser({ username: 'devon', name: 'Devon Developer' }),
      bot: simulator.createUser({ username: 'mlmm-bot', name: 'mlmm', bot: true }),
    }

    const serviceUrl = `http://127.0.0.1:${await freePort()}`
    const start = () => startService(environment(serviceUrl, mongod, simulator, people.bot.token), serviceLog)
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

const sessionSecret = randomBytes(32).toString('hex')

function environment(
  serviceUrl: string,
  mongod: Mongod,
  simulator: Simulator,
  botToken: string,
): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: new URL(serviceUrl).port,
    PUBLIC_URL: serviceUrl,
    MONGODB_URL: mongod.url,
    GITLAB_URL: simulator.url,
    GITLAB_BOT_TOKEN: botToken,
    AUTO_CONNECT: 'research/*',
    SESSION_SECRET: sessionSecret,
    LOG_LEVEL: 'info',
  }
}
