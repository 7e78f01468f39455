import { connect, type Socket } from 'node:net'

/**
 * The jobs: each connection sends its next request when the one before is answered. A client of its own, as `fetch`
 * would take more CPU than the service that it measures.
 */

export interface LoadRequest {
  port: number
  /** One connection each: the request line and headers up to `Content-Length`. */
  heads: string[]
  /** Digits of `placeholder` are replaced by the number of the upload, wherever they stand. */
  body: string
  seconds?: number
  /** Uploads of each connection, instead of a time. */
  uploads?: number
  /** The share of uploads that were sent and acknowledged before. */
  again?: number
}

export interface LoadAnswer {
  seconds: number
  sent: number
  /** Numbers that were acknowledged for the first time. */
  stored: Uint32Array
  refused: number
  firstRefusal: string | null
  latenciesMs: Float64Array
}

const placeholder = '@@@@@@@@@'

interface Sender {
  request: Buffer
  places: number[]
  acknowledged: number[]
  next: number
  step: number
  repeats: number
}

interface Run {
  request: LoadRequest
  endsAt: number
  latenciesMs: number[]
  stored: number[]
  sent: number
  refused: number
  firstRefusal: string | null
  again: number
}

/** By port and connection: numbers go on where the run before left off. */
const known = new Map<string, Sender>()

process.on('message', (request: LoadRequest) => {
  void load(request).then((answer) => process.send?.(answer))
})
process.on('disconnect', () => process.exit())

async function load(request: LoadRequest): Promise<LoadAnswer> {
  const startedAt = performance.now()
  const run: Run = {
    request,
    endsAt: startedAt + (request.seconds ?? 3600) * 1000,
    latenciesMs: [],
    stored: [],
    sent: 0,
    refused: 0,
    firstRefusal: null,
    again: request.again ?? 0,
  }
  await Promise.all(request.heads.map((head, index) => useConnection(run, senderOf(request, head, index))))
  return {
    seconds: (performance.now() - startedAt) / 1000,
    sent: run.sent,
    stored: Uint32Array.from(run.stored),
    refused: run.refused,
    firstRefusal: run.firstRefusal,
    latenciesMs: Float64Array.from(run.latenciesMs),
  }
}

function senderOf({ port, heads, body }: LoadRequest, head: string, index: number): Sender {
  const text = `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  const request = Buffer.from(text)
  const places = placesOf(request)
  const key = `${port}/${index}`
  const before = known.get(key)
  const sender = { acknowledged: [], next: index, step: heads.length, repeats: 0, ...before, request, places }
  known.set(key, sender)
  return sender
}

function placesOf(request: Buffer): number[] {
  const places: number[] = []
  for (let at = request.indexOf(placeholder); at >= 0; at = request.indexOf(placeholder, at + 1))
    places.push(at)
  return places
}

function useConnection(run: Run, sender: Sender): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: run.request.port, host: '127.0.0.1', noDelay: true })
    let sentAt = 0
    let uploads = 0
    let isRepeat = false
    let received: Buffer | null = null

    function sendNext(): void {
      if (performance.now() >= run.endsAt || uploads === run.request.uploads) {
        socket.end()
        return
      }
      isRepeat = sender.acknowledged.length > 0 && Math.random() < run.again
      write(socket, sender, isRepeat ? oldNumber(sender) : sender.next)
      sentAt = performance.now()
      uploads += 1
      run.sent += 1
    }

    function take(chunk: Buffer): void {
      const answer: Buffer = received === null ? chunk : Buffer.concat([received, chunk])
      received = answer
      if (!isComplete(answer)) return
      received = null
      if (answer.toString('latin1', 9, 12) === '202') acknowledge()
      else refuse(answer)
      sendNext()
    }

    function acknowledge(): void {
      run.latenciesMs.push(performance.now() - sentAt)
      if (isRepeat) return
      run.stored.push(sender.next)
      sender.acknowledged.push(sender.next)
      sender.next += sender.step
    }

    function refuse(answer: Buffer): void {
      run.refused += 1
      run.firstRefusal ??= answer.toString()
      if (!isRepeat) sender.next += sender.step
    }

    socket
      .once('connect', sendNext)
      .once('error', reject)
      .once('close', () => resolve())
    socket.on('data', take)
  })
}

function oldNumber(sender: Sender): number {
  sender.repeats += 1
  return sender.acknowledged[sender.repeats % sender.acknowledged.length] ?? 0
}

function write(socket: Socket, { request, places }: Sender, number: number): void {
  const digits = String(number).padStart(placeholder.length, '0')
  for (const place of places) request.write(digits, place, 'latin1')
  socket.write(request)
}

function isComplete(answer: Buffer): boolean {
  const end = answer.indexOf('\r\n\r\n')
  if (end < 0) return false
  const length = /content-length: *(\d+)/i.exec(answer.toString('latin1', 0, end))?.[1]
  return length !== undefined && answer.length >= end + 4 + Number(length)
}
