import { createServer as createHttpServer } from 'node:http'
import { readdir } from 'node:fs/promises'
import t from 'tap'
import {
  type Ended,
  busyboxWget,
  findClosedPort,
  listen,
  loadTemplate,
  makeFolder,
  makePath,
  makeProject,
  missing,
  programs,
  runJob,
  startService,
  tools,
} from './helper.js'

const files = { 'mlmm.json': '{"results": {"accuracy": 0.9}}' }
const printed = [
  'mlmm: stored 1 model',
  'mlmm: logistic on iris: accuracy 0.933 → 0.956',
  'mlmm: https://mlmm.example.com/x',
]

const clients = [
  ...tools.map((tool) => ({ name: tool as string, skip: missing(tool), found: programs(tool) })),
  {
    name: "BusyBox's wget",
    skip: busyboxWget === null ? "busybox with wget is not installed: its wget isn't tried" : false,
    found: { ...programs(null), wget: busyboxWget },
  },
]

for (const { name, skip, found } of clients) {
  const ownText = name !== "BusyBox's wget"

  t.test(`says why the service refused, with ${name}`, { skip }, async (t) => {
    const service = await startService(t, {
      post: (reply) =>
        reply.code(403).type('text/plain').send('error NOT_CONNECTED: ask a maintainer\nmore\n'),
    })
    const project = await makeProject(t, files)
    const path = await makePath(t, found)

    const ended = await runJob({ path, project, url: service.url })

    const why = ownText ? '403, NOT_CONNECTED: ask a maintainer' : '403'
    t.strictSame(ended.lines, [`mlmm: not uploaded: ${service.url} answers ${why}`])
    t.equal(ended.code, 0)
    t.strictSame(service.requests, ['POST /api/v1/reports'])
  })

  t.test(`tries again after 502, 429 and a cut connection, with ${name}`, { skip }, async (t) => {
    const service = await startService(t, {
      post: (reply, number) => {
        if (number === 1) return reply.code(502).type('text/html').send('<html>')
        if (number === 2) return reply.code(429).send('Retry later')
        if (number === 3) return reply.raw.destroy()
        return reply.code(202).send('report r-1\nstored 1 model\n')
      },
    })
    const project = await makeProject(t, files)
    const path = await makePath(t, { ...found, sleep: null })

    const ended = await runJob({ path, project, url: service.url })

    t.strictSame(ended.lines, printed)
    t.equal(service.uploads.length, 4)
    for (const upload of service.uploads) t.strictSame(upload.files, service.uploads[0]?.files)
  })

  t.test(`says that the service is unreachable, with ${name}`, { skip }, async (t) => {
    const url = `http://127.0.0.1:${await findClosedPort()}`
    const project = await makeProject(t, files)
    const path = await makePath(t, { ...found, sleep: null })

    const ended = await runJob({ path, project, url })

    t.equal(ended.lines.length, 1)
    t.match(
      ended.lines[0],
      new RegExp(`^mlmm: not uploaded: ${url} is unreachable: .*(refused|connect)`, 'i'),
    )
    t.equal(ended.code, 0)
  })

  t.test(`ends in time when nobody answers, with ${name}`, { skip }, async (t) => {
    const service = await startService(t, { post: () => new Promise(() => {}) })
    const project = await makeProject(t, files)
    const path = await makePath(t, found)

    const ended = await runJob({ path, project, url: service.url, env: { MLMM_TIMEOUT: '1' } })

    t.equal(ended.lines.length, 1)
    t.match(ended.lines[0], `mlmm: not uploaded: ${service.url} is unreachable: `)
    t.ok(ended.ms > 800 && ended.ms < 15_000, `${ended.ms} ms`)
  })

  t.test(`ends in time when the answer never ends, with ${name}`, { skip }, async (t) => {
    const service = await startService(t, {
      post: (reply) => {
        reply.hijack()
        reply.raw.writeHead(202, { 'content-type': 'text/plain' })
        const timer = setInterval(() => reply.raw.write('report r-1\n'), 100)
        reply.raw.on('close', () => clearInterval(timer))
      },
    })
    const project = await makeProject(t, files)
    const path = await makePath(t, found)

    const ended = await runJob({ path, project, url: service.url, env: { MLMM_TIMEOUT: '1' } })

    t.equal(ended.lines.length, 1)
    t.match(ended.lines[0], `mlmm: not uploaded: ${service.url} is unreachable: `)
    t.ok(ended.ms > 800 && ended.ms < 15_000, `${ended.ms} ms`)
  })

  t.test(`takes the wait for the comparison as it comes, with ${name}`, { skip }, async (t) => {
    const service = await startService(t, { get: (reply) => reply.code(404).send('error NOT_FOUND: gone') })
    const project = await makeProject(t, files)
    const path = await makePath(t, found)

    const ended = await runJob({ path, project, url: service.url, part: 'script' })

    t.strictSame(ended.lines, [
      'mlmm: stored 1 model',
      `mlmm: uploaded; the comparison could not be read now: ${service.url} answers 404`,
    ])
    t.equal(ended.code, 0)
  })
}

for (const tool of tools) {
  t.test(
    `follows no redirect, which could lead the token elsewhere, with ${tool}`,
    { skip: missing(tool) },
    async (t) => {
      const other = await startService(t)
      const service = await startService(t, {
        post: (reply) => reply.redirect(`${other.url}/api/v1/reports`, 307),
      })
      const project = await makeProject(t, files)
      const path = await makePath(t, programs(tool))

      const ended = await runJob({ path, project, url: service.url })

      t.strictSame(ended.lines, [
        `mlmm: not uploaded: ${service.url} answers 307, a redirect; set MLMM_URL to where it leads`,
      ])
      t.strictSame(other.requests, [])
    },
  )
}

for (const tool of ['python3', 'curl'] as const) {
  t.test(
    `reads a refusal that comes before the end of the upload, with ${tool}`,
    { skip: missing(tool) },
    async (t) => {
      const server = createHttpServer((_request, reply) => {
        reply.writeHead(413, { connection: 'close' }).end('error BODY_TOO_LARGE: 32 MB at most\n')
      })
      const url = `http://127.0.0.1:${await listen(server)}`
      t.after(() => server.close())
      const project = await makeProject(t, { 'mlmm.json': Buffer.alloc(20_000_000) })
      const path = await makePath(t, programs(tool))

      const ended = await runJob({ path, project, url })

      t.strictSame(ended.lines, [`mlmm: not uploaded: ${url} answers 413, BODY_TOO_LARGE: 32 MB at most`])
    },
  )
}

t.test('gives up on a service that keeps answering 503', { skip: missing('curl') }, async (t) => {
  const service = await startService(t, { post: (reply) => reply.code(503).send('error BUSY: later') })
  const project = await makeProject(t, files)
  const path = await makePath(t, programs('curl', []))

  const ended = await runJob({ path, project, url: service.url })

  t.strictSame(ended.lines, [`mlmm: not uploaded: ${service.url} answers 503, BUSY: later`])
  t.equal(service.uploads.length, 5)
})

t.test('prints nothing that the log would obey', { skip: missing('curl') }, async (t) => {
  const hostile =
    'section_start:1:x[collapsed=true]\r\u001B[0Kred \u001B[31m\u009B31m\u0007\u0000\u007F\u00C2\u009B é 漢 ✅'
  const service = await startService(t, {
    post: (reply) => reply.code(202).send(`report r-1\r\n${hostile}`),
    get: (reply) => reply.send(`${hostile}\n\n${'x\n'.repeat(1000)}`),
  })
  const refusing = await startService(t, { post: (reply) => reply.code(400).send(`error BAD: ${hostile}`) })
  const project = await makeProject(t, files)
  const path = await makePath(t, programs('curl'))

  const ended = await runJob({ path, project, url: service.url })
  const refused = await runJob({ path, project, url: refusing.url })

  const harmless = 'section_start:1:x[collapsed=true][0Kred [31m?31mÂ? é 漢 ✅'
  t.strictSame(ended.lines.slice(0, 4), [`mlmm: ${harmless}`, `mlmm: ${harmless}`, 'mlmm: ', 'mlmm: x'])
  t.equal(ended.lines.length, 101)
  t.strictSame(refused.lines, [`mlmm: not uploaded: ${refusing.url} answers 400, BAD: ${harmless}`])
})

t.test('believes no report id that could change the next address', { skip: missing('curl') }, async (t) => {
  const project = await makeProject(t, files)
  const path = await makePath(t, programs('curl'))

  for (const answer of [
    'report ../../x',
    'report a b',
    'report ',
    'report',
    '',
    '<html>',
    'report $(: >pwned)',
  ]) {
    const service = await startService(t, { post: (reply) => reply.code(202).send(answer) })
    const ended = await runJob({ path, project, url: service.url })
    t.strictSame(ended.lines, [`mlmm: not uploaded: what answers at ${service.url} is not mlmm`], answer)
    t.strictSame(service.requests, ['POST /api/v1/reports'])
  }
})

t.test('says which setting is wrong', { skip: missing('curl') }, async (t) => {
  const project = await makeProject(t, files)
  const path = await makePath(t, programs('curl'))
  const run = async (env: Record<string, string>): Promise<Ended> =>
    runJob({ path, project, url: 'http://127.0.0.1:1', env, part: 'script' })
  const wrong: [Record<string, string>, string][] = [
    [{ MLMM_URL: '' }, 'MLMM_URL is not set; extend .mlmm or set it'],
    [{ MLMM_URL: 'mlmm.example.com' }, 'MLMM_URL must begin with https:// or http://: mlmm.example.com'],
    [{ MLMM_URL: 'file:///etc/passwd' }, 'MLMM_URL must begin with https:// or http://: file:///etc/passwd'],
    [{ MLMM_URL: 'http://a b' }, 'MLMM_URL is not an address: http://a b'],
    [{ MLMM_URL: 'http://u:p@host' }, 'MLMM_URL is not an address: http://u:p@host'],
    [{ MLMM_URL: 'http://a\n/merge' }, 'MLMM_URL is not an address: http://a/merge'],
    [
      { MLMM_ID_TOKEN: '' },
      'MLMM_ID_TOKEN is not set; id_tokens of the job replace those of .mlmm, so repeat it there',
    ],
    [{ MLMM_ID_TOKEN: 'a\nheader = x' }, 'MLMM_ID_TOKEN is not a token'],
    [{ MLMM_TIMEOUT: '51' }, 'MLMM_TIMEOUT must be 1 to 50 seconds: 51'],
    [{ MLMM_TIMEOUT: '$(: >pwned)' }, 'MLMM_TIMEOUT must be 1 to 50 seconds: $(: >pwned)'],
  ]

  for (const [env, message] of wrong) {
    const ended = await run(env)
    t.strictSame(ended.lines, [`mlmm: not uploaded: ${message}`])
    t.equal(ended.code, 1)
  }
  t.notOk((await readdir(project)).includes('pwned'))
})

t.test('fails the job only from the script', { skip: missing('curl') }, async (t) => {
  const accepting = await startService(t)
  const refusing = await startService(t, {
    post: (reply) => reply.code(409).send('error DUPLICATE_MODEL: set MLMM_REPEAT'),
  })
  const path = await makePath(t, programs('curl'))
  const run = async (url: string, part: 'script' | 'after_script', project: string) =>
    (await runJob({ path, project, url, part, after: ['echo after'] })).code
  const full = () => makeProject(t, files)

  t.equal(await run(accepting.url, 'script', await full()), 0)
  t.equal(await run(accepting.url, 'after_script', await full()), 0)
  t.equal(await run(refusing.url, 'script', await full()), 1)
  t.equal(await run(refusing.url, 'after_script', await full()), 0)
  t.equal(await run(accepting.url, 'script', await makeProject(t)), 1)
  t.equal(await run(accepting.url, 'after_script', await makeProject(t)), 0)
})

t.test(
  'does not upload again in after_script what the script has uploaded',
  { skip: missing('curl') },
  async (t) => {
    const service = await startService(t)
    const project = await makeProject(t, files)
    const path = await makePath(t, programs('curl'))
    const job = { path, project, url: service.url }

    await runJob({ ...job, part: 'script', env: { CI_JOB_STATUS: 'running' } })
    const again = await runJob(job)
    const failedLater = await runJob({ ...job, env: { CI_JOB_STATUS: 'failed' } })
    const otherJob = await runJob({ ...job, env: { CI_JOB_ID: '8' } })

    t.strictSame(again.lines, [])
    t.strictSame(failedLater.lines, printed)
    t.strictSame(otherJob.lines, printed)
    t.match(
      service.uploads.map((upload) => upload.context),
      [{ job: { status: 'success' } }, { job: { status: 'failed' } }, { job: { status: 'success' } }],
    )
  },
)

t.test(
  'does not wait a second time in after_script for a service that the script did not reach',
  async (t) => {
    const project = await makeProject(t, files)
    const path = await makePath(t, programs('curl', ['cat', 'rm']))
    const job = { path, project, url: `http://127.0.0.1:${await findClosedPort()}` }

    const script = await runJob({ ...job, part: 'script' })
    const afterScript = await runJob({ ...job, env: { CI_JOB_STATUS: 'failed' } })

    t.equal(script.code, 1)
    t.strictSame(afterScript.lines, [])
  },
)

t.test('runs from the project folder, wherever the script went', { skip: missing('curl') }, async (t) => {
  const service = await startService(t)
  const project = await makeProject(t, files)
  const elsewhere = await makeFolder(t)
  const path = await makePath(t, programs('curl'))

  const ended = await runJob({
    path,
    project,
    url: service.url,
    before: [`cd '${elsewhere}'`],
    after: ['pwd'],
  })

  t.strictSame(ended.lines, [...printed, elsewhere])
})

t.test('gives all jobs the same text', async (t) => {
  const { after_script, script, gate } = await loadTemplate()

  t.equal(after_script[0], script[0])
  t.equal(gate[0], script[0])
  t.equal(gate[1], 'mlmm_upload gate || exit 1')
  t.equal(after_script[1], 'mlmm_upload after_script || true')
  t.equal(script[1], 'mlmm_upload script || exit 1')
})
