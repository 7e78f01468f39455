import { spawn } from 'node:child_process'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'

import { gitEnvironment } from './git.js'

export interface GitRequest {
  folder: string
  /** Below the folder: `/project-20.git/info/refs`. */
  path: string
  query: string
  user: string | null
  request: IncomingMessage
  response: ServerResponse
  signal: AbortSignal
}

/** Serves one request of git's smart HTTP protocol; resolves when the answer is complete. */
export async function runHttpBackend(input: GitRequest): Promise<void> {
  const child = spawn('git', ['http-backend'], {
    env: { ...gitEnvironment(), ...cgiEnvironment(input) },
    stdio: ['pipe', 'pipe', 'ignore'],
    signal: input.signal,
  })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  // A client that hangs up, or git that refuses early, ends the upload; the exit tells the rest.
  pipeline(input.request, child.stdin).catch(() => child.stdin.destroy())
  await sendCgiAnswer(child.stdout, input.response)
  await ended
}

function cgiEnvironment({ folder, path, query, user, request }: GitRequest): Record<string, string> {
  const header = (name: string): string => {
    const value = request.headers[name]
    return typeof value === 'string' ? value : ''
  }
  return {
    GATEWAY_INTERFACE: 'CGI/1.1',
    GIT_PROJECT_ROOT: folder,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: path,
    QUERY_STRING: query,
    REQUEST_METHOD: request.method ?? 'GET',
    CONTENT_TYPE: header('content-type'),
    HTTP_CONTENT_ENCODING: header('content-encoding'),
    GIT_PROTOCOL: header('git-protocol'),
    ...(user === null ? {} : { REMOTE_USER: user }),
    ...(header('content-length') === '' ? {} : { CONTENT_LENGTH: header('content-length') }),
  }
}

async function sendCgiAnswer(output: AsyncIterable<Buffer>, response: ServerResponse): Promise<void> {
  let head: Buffer | null = Buffer.alloc(0)
  for await (const chunk of output) {
    if (head === null) {
      response.write(chunk)
      continue
    }
    head = Buffer.concat([head, chunk])
    const end = head.indexOf('\r\n\r\n')
    if (end < 0) continue
    writeHead(response, head.subarray(0, end).toString())
    response.write(head.subarray(end + 4))
    head = null
  }
  if (head !== null) response.writeHead(500)
  response.end()
}

function writeHead(response: ServerResponse, text: string): void {
  const headers = text
    .split('\r\n')
    .map((line) => [line.split(':', 1)[0] ?? '', line.replace(/^[^:]*:\s*/, '')])
  const status = headers.find(([name]) => name?.toLowerCase() === 'status')?.[1] ?? '200'
  const kept = headers.filter(([name]) => name?.toLowerCase() !== 'status')
  response.writeHead(Number.parseInt(status, 10), Object.fromEntries(kept) as Record<string, string>)
}
