import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'

import { call, type Story } from './helper.js'

interface Received {
  headers: IncomingHttpHeaders
  body: Record<string, unknown>
  raw: string
}

export interface Receiver {
  url: string
  received: Received[]
  status: number
}

/** Takes webhooks, and answers all of them with `status`. */
export async function startReceiver(t: Test): Promise<Receiver> {
  const receiver: Receiver = { url: '', received: [], status: 200 }
  const server = createServer(async (request, reply) => {
    const raw = await text(request)
    receiver.received.push({
      headers: request.headers,
      raw,
      body: JSON.parse(raw) as Record<string, unknown>,
    })
    reply.writeHead(receiver.status).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  receiver.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/hook`
  return receiver
}

/** Registers a webhook as the maintainer and returns its id. */
export async function addHook(
  story: Story,
  url: string,
  fields: Record<string, unknown> = {},
): Promise<number> {
  const { gitlab, maintainer, project } = story
  const body = { url, push_events: false, ...fields }
  const answer = await call(gitlab, maintainer.token, 'POST', `/projects/${project.id}/hooks`, body)
  return (answer.json as { id: number }).id
}
