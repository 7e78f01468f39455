import { createServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { supervise } from '../embedded/supervise.js'

const server = fileURLToPath(new URL('../service/server.ts', import.meta.url))
const readyWithinMs = 20_000

export interface ServiceProcess {
  pid: number
  /** Ends it in order. */
  stop(): Promise<void>
  /** Ends it as a crash would. */
  kill(): Promise<void>
}

/** Starts the service with `env` and answers when it is ready. It ends with this process. */
export async function startService(env: Record<string, string>, logFile: string): Promise<ServiceProcess> {
  const command = [process.execPath, '--import', 'tsx', server]
  const inherited = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '' }
  const running = await supervise(command, { signal: 'TERM', env: { ...inherited, ...env }, logFile })
  await ready(`${env.PUBLIC_URL}/readyz`, running.ended, running.lastLines)
  return {
    pid: running.pid,
    stop: () => running.stop(),
    async kill() {
      process.kill(running.pid, 'SIGKILL')
      await running.ended
    },
  }
}

async function ready(url: string, ended: Promise<number>, lastLines: string[]): Promise<void> {
  let exitCode: number | null = null
  void ended.then((code) => (exitCode = code))
  const endsAt = performance.now() + readyWithinMs
  while (performance.now() < endsAt) {
    if (exitCode !== null) throw new Error(`The service ended with ${exitCode}:\n${lastLines.join('\n')}`)
    // Refused until it listens.
    const answer = await fetch(url).catch(() => null)
    if (answer?.ok === true) return
    await pause(50)
  }
  throw new Error(`The service was not ready within ${readyWithinMs} ms`)
}

export async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (typeof address !== 'object' || address === null) throw new Error('No port is free')
  return address.port
}
