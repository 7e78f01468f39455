import { fork } from 'node:child_process'

export interface Child<Request, Answer> {
  pid: number
  ask(request: Request): Promise<Answer>
  stop(): void
}

/** Runs a module that answers each message with one, in its own process; it ends with this one. */
export function startChild<Request extends object, Answer>(module: string): Child<Request, Answer> {
  const child = fork(module, { serialization: 'advanced', execArgv: [] })
  const failed = new Promise<never>((_, reject) => {
    child.once('exit', (code) => reject(new Error(`${module} ended with ${code}`)))
  })
  failed.catch(() => {}) // told to whoever asks next
  return {
    pid: child.pid ?? 0,
    async ask(request) {
      const answer = new Promise<Answer>((resolve) =>
        child.once('message', (message) => resolve(message as Answer)),
      )
      child.send(request)
      return Promise.race([answer, failed])
    },
    stop: () => void (child.connected && child.disconnect()),
  }
}
