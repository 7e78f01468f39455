import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('supervise.sh', import.meta.url))

export interface SuperviseOptions {
  /** What ends the command. */
  signal: 'TERM' | 'KILL'
  env?: NodeJS.ProcessEnv
  /** Takes the command's output; without it the output goes where ours goes. */
  logFile?: string
  /** Removed after the end. */
  temporaryFolder?: string
}

export interface Supervised {
  pid: number
  /** Answers with the exit code when the command has ended; 128 and more stand for a signal. */
  ended: Promise<number>
  /** The end of the log file, once the command has failed. */
  lastLines: string[]
  stop(): Promise<void>
}

/** Runs a command that ends with `stop` or with this process, however this process ends. */
export async function supervise(command: string[], options: SuperviseOptions): Promise<Supervised> {
  const { signal, env, logFile = '', temporaryFolder = '' } = options
  // A session of its own: Ctrl-C in a terminal reaches the parent alone, which ends the command when it is done.
  const supervisor = spawn('sh', [script, signal, temporaryFolder, logFile, ...command], {
    detached: true,
    env,
    stdio: ['pipe', 'inherit', 'inherit', 'pipe'],
  })
  supervisor.stdin?.on('error', () => {}) // it has ended, which `ended` tells
  const ended = once(supervisor, 'close').then(([code]) => Number(code ?? 1))
  const lines = createInterface(supervisor.stdio[3] as Readable)
  const [pid] = await Promise.race([once(lines, 'line'), ended.then(() => ['0'])])
  const lastLines: string[] = []
  lines.on('line', (line) => lastLines.push(line))
  const stop = async () => {
    supervisor.stdin?.end()
    await ended
  }
  return { pid: Number(pid), ended, lastLines, stop }
}
