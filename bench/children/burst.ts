import { connect, type Socket } from 'node:net'

/** GitLab's Sidekiq processes in a hurry: every connection is open before the first request leaves, and sends the next of
 * those that are left when its last one is answered. */

export interface BurstRequest {
  port: number
  connections: number
  /** Whole HTTP requests, in the order in which they leave. */
  requests: Uint8Array[]
}

export interface BurstAnswer {
  /** From the first request to the last answer. */
  elapsedMs: number
  latenciesMs: Float64Array
  /** How often each status came. */
  statuses: Record<string, number>
}

process.on('message', (request: BurstRequest) => {
  void burst(request).then((answer) => process.send?.(answer))
})
process.on('disconnect', () => process.exit())

async function burst({ port, connections, requests }: BurstRequest): Promise<BurstAnswer> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
  const latenciesMs: number[] = []
  const statuses: Record<string, number> = {}
  let next = 0
  const startedAt = performance.now()
  await Promise.all(
    sockets.map(async (socket) => {
      for (let at = next++; at < requests.length; at = next++) {
        const sentAt = performance.now()
        const status = await exchange(socket, requests[at] ?? new Uint8Array())
        latenciesMs.push(performance.now() - sentAt)
        statuses[status] = (statuses[status] ?? 0) + 1
      }
    }),
  )
  const elapsedMs = performance.now() - startedAt
  for (const socket of sockets) socket.destroy()
  return { elapsedMs, latenciesMs: Float64Array.from(latenciesMs), statuses }
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    socket.once('connect', () => resolve(socket)).once('error', reject)
  })
}

function exchange(socket: Socket, request: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = ''
    const fail = () => reject(new Error(`The connection was closed after ${received}`))
    const take = (chunk: Buffer) => {
      received += chunk.toString('latin1')
      if (!isComplete(received)) return
      socket.off('data', take).off('close', fail)
      resolve(received.slice(9, 12))
    }
    socket.on('data', take).once('close', fail)
    socket.write(request)
  })
}

function isComplete(answer: string): boolean {
  const end = answer.indexOf('\r\n\r\n')
  const length = /content-length: *(\d+)/i.exec(answer.slice(0, end))?.[1]
  return end >= 0 && length !== undefined && answer.length >= end + 4 + Number(length)
}
