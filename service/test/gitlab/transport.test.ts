import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import t, { type Test } from 'tap'
import { createGitLab, type GitLabOptions } from '../../gitlab/client.js'
import { GitLabError } from '../../gitlab/errors.js'
import type { GitLab } from '../../gitlab/port.js'

const token = 'glpat-SecretSecretSecret20'

interface Received {
  method: string
  url: string
  headers: IncomingMessage['headers']
  body: string
}

type Handler = (request: Received, response: ServerResponse, count: number) => void

/** A real server that does to HTTP what `handler` says, and remembers what came. */
async function startServer(test: Test, handler: Handler) {
  const received: Received[] = []
  let connections = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url = '', headers } = request
      received.push({ method, url, headers, body: Buffer.concat(chunks).toString() })
      handler(received[received.length - 1] as Received, response, received.length)
    })
  })
  server.on('connection', () => (connections += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  test.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { received, origin, connections: () => connections }
}

function connect(origin: string, options: Partial<GitLabOptions> = {}): GitLab {
  return createGitLab({ apiUrl: origin, token, ...options })
}

function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}

async function failureOf(call: Promise<unknown>): Promise<GitLabError> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  )
  if (error instanceof GitLabError) return error
  throw new Error(`expected a GitLabError, got ${inspect(error)}`)
}

function note(id: number) {
  return {
    id,
    body: 'text',
    author: { id: 5 },
    system: false,
    created_at: '2026-01-01T00:00:00Z',
    unknown: 1,
  }
}

const user = { id: 5, username: 'bot' }
const startMs = Date.parse('2026-01-01T00:00:00Z')
const startSeconds = startMs / 1000

t.test('calls go under the path of the instance, with the token as bearer', async (t) => {
  const server = await startServer(t, (_request, response) => json(response, 200, user))

  t.same(await connect(`${server.origin}/gitlab//`).getCurrentUser(), user)

  const [request] = server.received
  t.equal(request?.url, '/gitlab/api/v4/user')
  t.match(request?.headers, {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'user-agent': 'mlmm',
  })
})

t.test('calls ask for the token each time where it is a function', async (t) => {
  const server = await startServer(t, (_request, response) => json(response, 200, user))
  let asked = 0
  const gitlab = connect(server.origin, { token: async () => `token-${(asked += 1)}` })

  await gitlab.getCurrentUser()
  await gitlab.getCurrentUser()

  t.same(
    server.received.map(({ headers }) => headers.authorization),
    ['Bearer token-1', 'Bearer token-2'],
  )
})

t.test('calls pass on the event they answer to, and only then', async (t) => {
  const server = await startServer(t, (_request, response) => json(response, 201, note(1)))
  const gitlab = connect(server.origin)

  await gitlab.withContext({ eventUuid: 'e-1' }).createNote(7, 3, 'text')
  await gitlab.createNote(7, 3, 'text')

  t.equal(server.received[0]?.headers['x-gitlab-event-uuid'], 'e-1')
  t.notOk(server.received[1]?.headers['x-gitlab-event-uuid'])
})

t.test('calls encode what goes into queries and send bodies unchanged', async (t) => {
  const server = await startServer(t, ({ method }, response) =>
    json(response, 200, method === 'GET' ? [] : note(9)),
  )
  const gitlab = connect(server.origin)
  const body = '# Überschrift\n/close 🦊 {"someKey": 1} & <b>'

  await gitlab.listOpenMergeRequests(7, 'a&state=closed#/../b c')
  await gitlab.createNote(7, 3, body)

  const query = new URL(server.received[0]?.url ?? '', server.origin).searchParams
  t.equal(query.get('source_branch'), 'a&state=closed#/../b c')
  t.same(query.getAll('state'), ['opened'])
  t.same(JSON.parse(server.received[1]?.body ?? ''), { body })
})

t.test('calls never address a project by path', async (t) => {
  const server = await startServer(t, (_request, response) => json(response, 200, {}))
  const gitlab = connect(server.origin)

  for (const id of ['group/project', '..', '', undefined, Number.NaN, -1, 1.5]) {
    await t.rejects(gitlab.findProject(id as number), /by number/, String(id))
  }

  t.same(server.received, [])
})

t.test('calls share connections', async (t) => {
  const server = await startServer(t, (_request, response, count) =>
    count % 2 ? json(response, 200, user) : json(response, 404, { message: '404 Project Not Found' }),
  )
  const gitlab = connect(server.origin)

  for (let i = 0; i < 5; i += 1) {
    await gitlab.getCurrentUser()
    t.equal(await gitlab.findProject(1), null)
  }

  t.ok(server.connections() <= 2, `${server.connections()} connections`)
})

t.test('lists', async (t) => {
  t.test('follow Link and x-next-page, through short and empty pages', async (t) => {
    const server = await startServer(t, ({ url }, response) => {
      const page = Number(new URL(url, 'http://x').searchParams.get('page'))
      if (page === 1)
        return json(response, 200, [], { link: `<http://evil.example.com/?page=2>; rel="next"` })
      if (page === 2) return json(response, 200, [note(1)], { 'x-next-page': '3' })
      return json(response, 200, [note(2)], { 'x-next-page': '', link: '<http://x/?page=1>; rel="first"' })
    })

    const notes = await connect(server.origin).listNotes(7, 3)

    t.same(
      notes.map(({ id }) => id),
      [1, 2],
    )
    const query = new URL(server.received[2]?.url ?? '', server.origin).searchParams
    t.same(Object.fromEntries(query), { page: '3', per_page: '100', sort: 'asc', order_by: 'created_at' })
  })

  t.test('are refused rather than cut', async (t) => {
    const server = await startServer(t, (_request, response) =>
      json(response, 200, [note(1)], { 'x-next-page': '2' }),
    )

    const error = await failureOf(connect(server.origin).listNotes(7, 3))

    t.match(error, { kind: 'unexpected_answer', reason: /more than 100 pages/ })
    t.equal(server.received.length, 100)
  })

  t.test('fail as a whole where a later page fails', async (t) => {
    const server = await startServer(t, (_request, response, count) =>
      count === 1
        ? json(response, 200, [note(1)], { 'x-next-page': '2' })
        : json(response, 200, { message: 'odd' }),
    )

    t.match(await failureOf(connect(server.origin).listNotes(7, 3)), { kind: 'unexpected_answer' })
  })
})

t.test('one try, whatever the answer', async (t) => {
  const server = await startServer(t, (_request, response) => {
    response.writeHead(502, { 'content-type': 'text/html' }).end('<html><h1>502 Bad Gateway</h1></html>')
  })
  const gitlab = connect(server.origin)

  const writing = await failureOf(gitlab.createNote(7, 3, 'text'))
  const reading = await failureOf(gitlab.listNotes(7, 3))

  t.match(writing, { kind: 'unavailable', status: 502, outcomeUnknown: true, reason: 'an HTML page' })
  t.equal(writing.endpoint, 'POST /projects/7/merge_requests/3/notes')
  t.match(reading, { kind: 'unavailable', status: 502, outcomeUnknown: false })
  t.equal(reading.endpoint, 'GET /projects/7/merge_requests/3/notes')
  t.equal(server.received.length, 2)
})

t.test('a merge request says how far it lies behind its target, where GitLab does', async (t) => {
  const answer = {
    iid: 3,
    project_id: 7,
    state: 'opened',
    title: 't',
    source_branch: 'feature',
    target_branch: 'main',
    sha: null,
    diff_refs: null,
    web_url: 'http://x',
  }
  const server = await startServer(t, (_request, response, count) =>
    json(response, 200, count === 1 ? { ...answer, diverged_commits_count: 2 } : answer),
  )
  const gitlab = connect(server.origin)

  t.match(await gitlab.findMergeRequest(7, 3), { commitsBehind: 2, baseSha: null, sourceProjectId: null })
  t.match(await gitlab.findMergeRequest(7, 3), { commitsBehind: null })
  t.match(server.received[0]?.url, /include_diverged_commits_count=true/)
})

t.test('a redirect is not followed, least of all by a POST turned GET', async (t) => {
  const server = await startServer(t, (_request, response) => {
    response
      .writeHead(301, { location: '/api/v4/projects/8?private_token=x' })
      .end('This resource has been moved')
  })

  const error = await failureOf(connect(server.origin).createNote(7, 3, 'text'))

  t.match(error, { kind: 'moved', status: 301, outcomeUnknown: false, reason: 'moved to /api/v4/projects/8' })
  t.equal(server.received.length, 1)
})

t.test('a refusal keeps what GitLab said', async (t) => {
  const long = 'x'.repeat(1000)
  const cases: [status: number, body: unknown, expected: object][] = [
    [401, { message: '401 Unauthorized' }, { kind: 'unauthorized', reason: '401 Unauthorized' }],
    [
      401,
      {
        error: 'invalid_token',
        error_description: 'Token was revoked. You have to re-authorize from the user.',
      },
      {
        kind: 'unauthorized',
        reason: 'invalid_token: Token was revoked. You have to re-authorize from the user.',
      },
    ],
    [
      403,
      { error: 'insufficient_scope', error_description: 'higher privileges', scope: 'api' },
      { kind: 'forbidden', reason: 'insufficient_scope: higher privileges' },
    ],
    [400, { message: { url: ['is blocked'] } }, { kind: 'rejected', reason: '{"url":["is blocked"]}' }],
    [400, { error: 'state is missing' }, { kind: 'rejected', reason: 'state is missing' }],
    [409, { message: 'in progress' }, { kind: 'unavailable', reason: 'in progress' }],
    [422, { message: 'line\n\u001B[31mred\u202E' }, { kind: 'rejected', reason: 'line [31mred' }],
    [400, { message: long }, { kind: 'rejected', reason: `${long.slice(0, 300)}…` }],
    [408, { message: 'slow' }, { kind: 'unavailable', outcomeUnknown: true }],
    [
      503,
      { message: 'Service Unavailable' },
      { kind: 'unavailable', retryAfterMs: 120_000, outcomeUnknown: true },
    ],
  ]
  for (const [status, body, expected] of cases) {
    const server = await startServer(t, (_request, response) =>
      json(response, status, body, status === 503 ? { 'retry-after': '120' } : {}),
    )

    const error = await failureOf(connect(server.origin).createNote(7, 3, 'text'))

    t.match(
      { ...error, reason: error.reason },
      { status, outcomeUnknown: false, ...expected },
      `status ${status}`,
    )
  }
})

t.test('404 is null where something is looked for, an error elsewhere', async (t) => {
  const server = await startServer(t, (_request, response) =>
    json(response, 404, { message: '404 Not found' }),
  )
  const gitlab = connect(server.origin)

  t.equal(await gitlab.findProject(7), null)
  t.equal(await gitlab.findAccessLevel(7, 1), null)
  t.equal(await gitlab.findPipeline(7, 1), null)
  t.equal(await gitlab.findMergeRequest(7, 3), null)
  t.equal(await gitlab.editNote(7, 3, 1, 'text'), null)
  t.equal(await gitlab.deleteNote(7, 3, 1), undefined)
  t.match(await failureOf(gitlab.listNotes(7, 3)), { kind: 'not_found' })
  t.match(await failureOf(gitlab.createNote(7, 3, 'text')), { kind: 'not_found', outcomeUnknown: false })
})

t.test('too many calls', async (t) => {
  const cases: [
    name: string,
    status: number,
    headers: Record<string, string>,
    body: string,
    pauseMs: number,
  ][] = [
    ['Retry-After in seconds', 429, { 'retry-after': '30' }, 'Retry later', 30_000],
    ['Retry-After as a date', 429, { 'retry-after': 'Thu, 01 Jan 2026 00:00:45 GMT' }, 'Retry later', 45_000],
    ['a reset time alone', 429, { 'ratelimit-reset': `${startSeconds + 20}` }, 'Retry later', 20_000],
    ['JSON without headers', 429, {}, '{"message":{"error":"requested too many times"}}', 60_000],
    ['Retry-After 0', 429, { 'retry-after': '0' }, 'Retry later', 1000],
    ['Retry-After of a year', 429, { 'retry-after': '31536000' }, 'Retry later', 3_600_000],
    ['Retry-After of nonsense', 429, { 'retry-after': 'soon' }, 'Retry later', 60_000],
    [
      'the last call before the limit',
      200,
      { 'ratelimit-remaining': '0', 'ratelimit-reset': `${startSeconds + 15}` },
      JSON.stringify(user),
      15_000,
    ],
  ]
  for (const [name, status, headers, body, pauseMs] of cases) {
    t.test(`${name}: the whole token rests`, async (t) => {
      let nowMs = startMs
      const server = await startServer(t, (_request, response, count) => {
        if (count > 1) return json(response, 200, user)
        return response.writeHead(status, headers).end(body)
      })
      const gitlab = connect(server.origin, { now: () => nowMs })

      const first = await gitlab.getCurrentUser().catch((error: unknown) => error)
      if (status === 429) t.match(first, { kind: 'rate_limited', status: 429, retryAfterMs: pauseMs })
      nowMs += pauseMs - 1000
      const resting = await failureOf(gitlab.withContext({ eventUuid: 'e' }).createNote(7, 3, 'text'))

      t.match(resting, { kind: 'rate_limited', status: null, retryAfterMs: 1000, outcomeUnknown: false })
      t.equal(server.received.length, 1, 'nothing is sent meanwhile')
      nowMs += 1000
      t.same(await gitlab.getCurrentUser(), user)
    })
  }
})

t.test('a limit that is far away changes nothing', async (t) => {
  const headers = {
    'ratelimit-remaining': '1999',
    'ratelimit-reset': `${Math.ceil(Date.now() / 1000) + 60}`,
  }
  const server = await startServer(t, (_request, response) => json(response, 200, user, headers))
  const gitlab = connect(server.origin)

  await gitlab.getCurrentUser()
  await gitlab.getCurrentUser()

  t.equal(server.received.length, 2)
})

t.test('a limit whose reset has passed changes nothing', async (t) => {
  const headers = { 'ratelimit-remaining': '0', 'ratelimit-reset': `${startSeconds - 5}` }
  const server = await startServer(t, (_request, response) => json(response, 200, user, headers))
  const gitlab = connect(server.origin, { now: () => startMs })

  await gitlab.getCurrentUser()
  await gitlab.getCurrentUser()

  t.equal(server.received.length, 2)
})

t.test('no answer', async (t) => {
  const timeoutMs = 150

  const cases: [name: string, handler: Handler, reason: RegExp][] = [
    ['silence', () => {}, /no complete answer within 150 ms/],
    ['headers and then silence', (_r, response) => void response.writeHead(201).write('{'), /within 150 ms/],
    ['a reset', (_r, response) => void response.socket?.resetAndDestroy(), /the connection failed/],
    ['a close', (_r, response) => void response.socket?.destroy(), /the connection failed/],
    [
      'a reset in the middle',
      (_r, response) => {
        response.writeHead(201, { 'content-length': '1000' })
        response.write('{"id":', () => response.socket?.resetAndDestroy())
      },
      /the connection failed/,
    ],
  ]
  for (const [name, handler, reason] of cases) {
    t.test(`${name}: a write may have happened`, async (t) => {
      const server = await startServer(t, handler)
      const gitlab = connect(server.origin, { timeoutMs })

      const writing = await failureOf(gitlab.createNote(7, 3, 'text'))
      const reading = await failureOf(gitlab.getCurrentUser())

      t.match(writing, { kind: 'unavailable', status: null, outcomeUnknown: true, reason })
      t.match(reading, { kind: 'unavailable', status: null, outcomeUnknown: false, reason })
      t.equal(server.received.length, 2, 'each is tried once')
    })
  }

  t.test('a refused connection: nothing has happened', async (t) => {
    const server = await startServer(t, () => {})
    const closed = await new Promise<string>((resolve) => {
      const other = createServer().listen(0, '127.0.0.1', () => {
        const { port } = other.address() as AddressInfo
        other.close(() => resolve(`http://127.0.0.1:${port}`))
      })
    })
    t.not(closed, server.origin)

    t.match(await failureOf(connect(closed).createNote(7, 3, 'text')), {
      kind: 'unavailable',
      reason: 'the connection failed (ECONNREFUSED)',
      outcomeUnknown: false,
    })
  })
})

t.test('an answer that is not what GitLab sends', async (t) => {
  const cases: [name: string, status: number, type: string, body: string, reason: RegExp][] = [
    ['a login page', 200, 'text/html', '<!DOCTYPE html><title>Sign in</title>', /HTML page/],
    ['HTML called JSON', 200, 'application/json', ' <html>', /HTML page/],
    ['nothing', 201, 'application/json', '', /./],
    ['half of it', 201, 'application/json', '{"id": 5, "body": "te', /not valid JSON/],
    ['quick actions alone', 202, 'application/json', '{"commands_changes":{},"summary":["Closed"]}', /id/],
    ['a reaction', 201, 'application/json', '{"id":1,"name":"tada","user":{"id":5}}', /body/],
    ['a project', 200, 'application/json', '{"id":7,"path_with_namespace":"a/b"}', /body/],
    ['a list', 200, 'application/json', '[]', /./],
    ['an id of 2^53', 201, 'application/json', '{"id":9007199254740993}', /id/],
  ]
  for (const [name, status, type, body, reason] of cases) {
    t.test(`${name}: is refused, and the write may have happened`, async (t) => {
      const server = await startServer(t, (_request, response) => {
        response.writeHead(status, { 'content-type': type }).end(body)
      })

      const error = await failureOf(connect(server.origin).createNote(7, 3, 'text'))

      t.match(error, { kind: 'unexpected_answer', status, outcomeUnknown: true, reason })
    })
  }

  t.test('a body that is too large is not parsed, and the write may have happened', async (t) => {
    const server = await startServer(t, (_request, response) => {
      response.writeHead(201, { 'content-type': 'application/json' }).end(`{"body":"${'x'.repeat(5000)}"}`)
    })

    const error = await failureOf(connect(server.origin, { maxBodyBytes: 4096 }).createNote(7, 3, 'text'))

    t.match(error, {
      kind: 'too_large',
      status: 201,
      outcomeUnknown: true,
      reason: /larger than 4096 bytes/,
    })
  })

  t.test('a body without end is not read to its end', async (t) => {
    let sentBytes = 0
    const server = await startServer(t, (_request, response) => {
      const chunk = 'x'.repeat(65_536)
      const more = () => {
        while (!response.destroyed) {
          sentBytes += chunk.length
          if (!response.write(chunk)) return response.once('drain', more)
        }
        return undefined
      }
      more()
    })

    const error = await failureOf(connect(server.origin, { maxBodyBytes: 100_000 }).getCurrentUser())

    t.match(error, { kind: 'too_large', reason: /larger than 100000 bytes/ })
    t.ok(sentBytes < 50_000_000, `${sentBytes} bytes were sent`)
  })
})

t.test('the token is in no error', async (t) => {
  const echo = { message: `your header was Bearer ${token}`, error: { token } }
  const handlers: Handler[] = [
    (_r, response) => json(response, 401, echo),
    (_r, response) => json(response, 500, echo),
    (_r, response) => json(response, 200, echo),
    (_r, response) => void response.writeHead(429).end(`Bearer ${token}`),
    (_r, response) => void response.writeHead(302, { location: `/?token=${token}` }).end(),
    (_r, response) => void response.writeHead(200).end(`${token} is not JSON`),
    (_r, response) => void response.socket?.resetAndDestroy(),
    () => {},
  ]
  for (const handler of handlers) {
    const server = await startServer(t, handler)

    const error = await failureOf(connect(server.origin, { timeoutMs: 100 }).createNote(7, 3, 'text'))

    const shown = inspect(error, { depth: Infinity, showHidden: true, getters: true })
    t.notMatch(`${shown} ${JSON.stringify(error)} ${error.stack}`, token, error.reason)
  }

  const illegal = `${token}\nx`
  const error = await failureOf(connect('http://127.0.0.1:1', { token: illegal }).getCurrentUser())
  t.equal(error.kind, 'unauthorized')
  t.notMatch(inspect(error, { depth: Infinity, showHidden: true }), token)
})
