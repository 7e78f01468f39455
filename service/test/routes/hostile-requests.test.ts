import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { hashSecret } from '../../domain/secrets.js'
import { startTestService } from '../support/service.js'

const service = await startTestService(t, { worker: false })
const { simulator, stores } = service
const project = await service.createProject('research/iris')

function newToken(): string {
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    sha: project.head,
    ref: 'main',
    jobs: [{ name: 'train' }],
  })
  return simulator.idToken({ jobId: pipeline.jobs[0]?.id ?? 0, aud: service.url })
}

async function sendMultipart(body: string, contentType = 'multipart/form-data; boundary=b') {
  const response = await fetch(`${service.url}/api/v1/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${newToken()}`, 'content-type': contentType },
    body,
  })
  return { status: response.status, json: (await response.json()) as Record<string, unknown> }
}

function part(disposition: string, content: string): string {
  return `--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${content}\r\n`
}

const unreadable: [title: string, body: string, contentType?: string][] = [
  ['without boundary', 'x', 'multipart/form-data'],
  ['with an empty boundary', 'x', 'multipart/form-data; boundary='],
  ['with a boundary of 5,000 characters', 'x', `multipart/form-data; boundary=${'b'.repeat(5000)}`],
  ['cut off after a part', part('name="context"', '{}')],
  ['cut off within a file', '--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n{'],
]
for (const [title, body, contentType] of unreadable) {
  t.test(`a multipart body ${title} is refused with what to do`, async (t) => {
    const answer = await sendMultipart(body, contentType)

    t.match(answer, {
      status: 400,
      json: { code: 'INVALID_REQUEST', title: /boundary of 1 to 70 characters/ },
    })
  })
}

const tooMuch: [title: string, body: string, said: RegExp][] = [
  ['51 files', part('name="file"; filename="a"', '{"a": 1}').repeat(51), /at most 50 files/],
  ['two contexts', part('name="context"', '{}').repeat(2), /at most one part context/],
  [
    'a context of 2 MB',
    part('name="context"', `{"defaults": {"model": "${'x'.repeat(2_000_000)}"}}`),
    /context has more than 1 MB/,
  ],
]
for (const [title, body, said] of tooMuch) {
  t.test(`${title} are refused by the name of the limit`, async (t) => {
    const answer = await sendMultipart(`${body}--b--\r\n`)

    t.match(answer, { status: 400, json: { code: 'LIMIT_EXCEEDED', title: said } })
  })
}

/** Announces a body and never sends it: an answer shows that nobody waits for it. */
async function answerWithoutBody(path: string, headers: string): Promise<string> {
  const { hostname, port } = new URL(service.url)
  const socket = connect(Number(port), hostname)
  const head = `POST ${path} HTTP/1.1\r\nHost: mlmm\r\nContent-Type: application/json\r\n${headers}`
  socket.write(`${head}Content-Length: 24000000\r\nConnection: close\r\n\r\n{`)
  socket.setTimeout(5_000, () => socket.destroy(new Error('no answer without the body')))
  return text(socket)
}

for (const token of ['', 'X-Gitlab-Token: forged\r\n']) {
  t.test(`a webhook with ${token === '' ? 'no' : 'a forged'} secret is refused unread`, async (t) => {
    const answer = await answerWithoutBody('/webhooks/gitlab', token)

    t.match(answer, /^HTTP\/1\.1 401 /)
    t.match(answer, 'WEBHOOK_UNAUTHORIZED')
  })
}

t.test('a body to an address that there is not is refused unread', async (t) => {
  const answer = await answerWithoutBody('/api/v1/nothing', '')

  t.match(answer, /^HTTP\/1\.1 404 /)
  t.match(answer, /^content-security-policy: /im)
})

t.test("a webhook's secret is good for its own project alone", async (t) => {
  const token = 'the secret of iris'
  await service.report(0, {}, { token: newToken() })
  const connected = await stores.projects.findByGitLabId(project.id)
  await stores.projects.setHook(connected?.id ?? '', {
    state: 'registered',
    hookId: 1,
    secretHash: hashSecret(token),
  })
  const send = (id: number) =>
    fetch(`${service.url}/webhooks/gitlab`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-gitlab-token': token },
      body: JSON.stringify({ object_kind: 'push', project: { id } }),
    })

  const [own, other] = await Promise.all([send(project.id), send(project.id + 1)])

  t.equal(own.status, 200)
  t.equal(other.status, 401)
})

t.test('an address that cannot be read is answered with the security headers', async (t) => {
  const [bad, good] = await Promise.all([service.get('/%zz'), service.get('/')])

  t.equal(bad.status, 404)
  for (const name of ['content-security-policy', 'x-content-type-options', 'x-frame-options'])
    t.equal(bad.headers.get(name), good.headers.get(name), name)
  t.ok(bad.headers.get('content-security-policy'))
})
