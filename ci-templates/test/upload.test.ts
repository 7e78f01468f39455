import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { chmod, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import {
  busyboxWget,
  find,
  makeFolder,
  makePath,
  makeProject,
  missing,
  programs,
  runJob,
  shells,
  startService,
  token,
  tools,
  usual,
} from './helper.js'

const result = '{"name": "logistic", "results": {"accuracy": NaN}}\n'
const printed = [
  'mlmm: stored 1 model',
  'mlmm: logistic on iris: accuracy 0.933 → 0.956',
  'mlmm: https://mlmm.example.com/x',
]
const requests = ['POST /api/v1/reports', 'GET /api/v1/reports/r-1?wait=20']

for (const shell of shells) {
  for (const tool of tools) {
    for (const others of [usual, []]) {
      const name = `${shell.name} with ${tool} and ${others.length === 0 ? 'nothing else' : others.join(', ')}`
      const skip = shell.command === null ? `${shell.name} is not installed` : missing(tool)
      t.test(`uploads from ${name}`, { skip }, async (t) => {
        const service = await startService(t)
        const project = await makeProject(t, { 'mlmm.json': result })
        const path = await makePath(t, programs(tool, others))

        const ended = await runJob({ shell: shell.command ?? [], path, project, url: service.url })

        t.strictSame(ended.lines, printed)
        t.equal(ended.code, 0)
        t.strictSame(service.uploads, [
          {
            authorization: `Bearer ${token}`,
            accept: 'text/plain',
            context: {
              job: {
                name: 'train',
                status: 'success',
                url: 'https://git.example.com/research/iris/-/jobs/7',
              },
              defaults: { model: 'train', dataset: 'default', repeat: null, trial: null },
            },
            files: [{ name: 'mlmm.json', bytes: Buffer.from(result) }],
          },
        ])
        t.strictSame(service.requests, requests)
      })
    }
  }
}

const skipBusybox = busyboxWget === null ? "busybox with wget is not installed: its wget isn't tried" : false
t.test("uploads with BusyBox's wget", { skip: skipBusybox }, async (t) => {
  const service = await startService(t)
  const project = await makeProject(t, { 'mlmm.json': result })
  const path = await makePath(t, { ...programs(null), wget: busyboxWget })

  const ended = await runJob({ path, project, url: service.url })

  t.strictSame(ended.lines, printed)
  t.equal(service.uploads[0]?.authorization, `Bearer ${token}`)
  t.strictSame(service.uploads[0]?.files, [{ name: 'mlmm.json', bytes: Buffer.from(result) }])
})

t.test('takes the next tool where python3 cannot be used', { skip: missing('curl') }, async (t) => {
  const service = await startService(t)
  const project = await makeProject(t, { 'mlmm.json': result })
  const path = await makePath(t, programs('curl'))
  await writeFile(join(path, 'python3'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })

  const ended = await runJob({ path, project, url: service.url })

  t.strictSame(ended.lines, printed)
})

t.test('says so where the image has no tool at all', async (t) => {
  const project = await makeProject(t, { 'mlmm.json': result })
  const path = await makePath(t, programs(null))

  const ended = await runJob({ path, project, url: 'http://127.0.0.1:1' })

  t.strictSame(ended.lines, [
    'mlmm: not uploaded: the image of this job has neither a working python3 (3.5 or newer), curl nor wget',
  ])
  t.equal(ended.code, 0)
})

const wget2 = find('wget2')
t.test('does not use Wget2', { skip: wget2 === null ? 'wget2 is not installed' : false }, async (t) => {
  const service = await startService(t)
  const project = await makeProject(t, { 'mlmm.json': result })
  const path = await makePath(t, { ...programs(null), wget: wget2 })

  const ended = await runJob({ path, project, url: service.url })

  t.strictSame(ended.lines, [
    'mlmm: not uploaded: Wget2 does not tell what was answered; the image needs python3, curl or another wget',
  ])
})

for (const tool of tools) {
  t.test(
    `sends 5 MB of any bytes with ${tool} and without a copy left behind`,
    { skip: missing(tool) },
    async (t) => {
      const bytes = Buffer.alloc(5_000_000)
      for (let i = 0; i < bytes.length; i++) bytes[i] = (i * 7 + (i >> 8)) & 255
      const service = await startService(t)
      const project = await makeProject(t, { 'mlmm.json': bytes })
      const temporary = await makeFolder(t)
      const path = await makePath(t, programs(tool))

      const ended = await runJob({ path, project, url: service.url, temporary })

      t.strictSame(ended.lines, printed)
      t.ok(service.uploads[0]?.files[0]?.bytes.equals(bytes))
      t.strictSame(await readdir(temporary), [])
    },
  )

  t.test(`keeps the token out of arguments and output with ${tool}`, { skip: missing(tool) }, async (t) => {
    const service = await startService(t)
    const project = await makeProject(t, { 'mlmm.json': result })
    const path = await makePath(t, programs(null))
    const log = join(project, 'arguments')
    const real = programs(tool)[tool] ?? ''
    const wrapper = `#!/bin/sh\nprintf '%s\\n' "$@" >>'${log}'\nexec '${real}' "$@"\n`
    await writeFile(join(path, tool), wrapper)
    await chmod(join(path, tool), 0o755)

    const ended = await runJob({ path, project, url: service.url, before: ['set -x'] })

    t.equal(service.uploads[0]?.authorization, `Bearer ${token}`)
    t.match(await readFile(log, 'utf8'), '/api/v1/reports')
    t.notMatch(await readFile(log, 'utf8'), token)
    t.notMatch(ended.lines.join('\n'), token)
  })

  t.test(`reaches a service below a path with ${tool}`, { skip: missing(tool) }, async (t) => {
    const service = await startService(t, { prefix: '/tools/mlmm' })
    const project = await makeProject(t, { 'mlmm.json': result })
    const path = await makePath(t, programs(tool))

    const ended = await runJob({ path, project, url: `${service.url}/` })

    t.strictSame(ended.lines, printed)
    t.strictSame(service.requests, [
      'POST /tools/mlmm/api/v1/reports',
      'GET /tools/mlmm/api/v1/reports/r-1?wait=20',
    ])
  })
}

t.test('leaves nothing readable behind where there is no rm', { skip: missing('curl') }, async (t) => {
  const service = await startService(t)
  const project = await makeProject(t, { 'mlmm.json': result })
  const temporary = await makeFolder(t)
  const path = await makePath(t, programs('curl', []))

  await runJob({ path, project, url: service.url, temporary })

  for (const name of await readdir(temporary)) t.equal((await stat(join(temporary, name))).size, 0, name)
})

t.test('finds another folder where TMPDIR cannot be written to', { skip: missing('curl') }, async (t) => {
  const service = await startService(t)
  const project = await makeProject(t, { 'mlmm.json': result })
  const path = await makePath(t, programs('curl'))

  const ended = await runJob({ path, project, url: service.url, temporary: join(project, 'absent') })

  t.strictSame(ended.lines, printed)
  t.strictSame((await readdir(project)).sort(), ['.git', 'mlmm.json'])
})

t.test('sends what MLMM_FILES matches, each file once', { skip: missing('curl') }, async (t) => {
  const files = {
    'out/a.json': 'a',
    'out/b b.json': 'b',
    'out/"q"\\.json': 'q',
    'out/é*.json': 'é',
    '-dash.json': '-',
    'folder/none.json/x': '',
  }
  const service = await startService(t)
  const project = await makeProject(t, files)
  const path = await makePath(t, programs('curl'))
  const MLMM_FILES =
    'out/*.json  -dash.json\tout/a.json folder/* absent.json $(: >pwned) `: >pwned` ;: >pwned'

  const ended = await runJob({ path, project, url: service.url, env: { MLMM_FILES } })

  t.strictSame(ended.lines, printed)
  const names = service.uploads[0]?.files.map((file) => file.name)
  t.strictSame(names?.sort(), ['-dash.json', 'out/"q"\\.json', 'out/a.json', 'out/b b.json', 'out/é*.json'])
  t.notOk((await readdir(project)).includes('pwned'))
})

t.test(
  'names what it looked for when a successful job left no result file',
  { skip: missing('curl') },
  async (t) => {
    const service = await startService(t)
    const project = await makeProject(t)
    const path = await makePath(t, programs('curl'))
    const job = { path, project, url: service.url }

    const usualNames = await runJob(job)
    const ownNames = await runJob({ ...job, env: { MLMM_FILES: 'out/*.json' } })

    t.strictSame(usualNames.lines, [
      `mlmm: not uploaded: no result file found; looked for mlmm.json metrics.json in ${project} (MLMM_FILES)`,
    ])
    t.strictSame(ownNames.lines, [
      `mlmm: not uploaded: no result file found; looked for out/*.json in ${project} (MLMM_FILES)`,
    ])
    t.equal(usualNames.code, 0)
    t.strictSame(service.requests, [])
  },
)

for (const tool of tools) {
  t.test(
    `reports failed and cancelled jobs without files with ${tool}`,
    { skip: missing(tool) },
    async (t) => {
      const service = await startService(t)
      const project = await makeProject(t)
      const path = await makePath(t, programs(tool))

      for (const status of ['failed', 'canceled']) {
        const ended = await runJob({ path, project, url: service.url, env: { CI_JOB_STATUS: status } })
        t.strictSame(ended.lines, printed)
      }

      t.match(service.uploads, [
        { context: { job: { status: 'failed' } }, files: [] },
        { context: { job: { status: 'canceled' } }, files: [] },
      ])
    },
  )
}

t.test(
  "takes the model's name from the job's name without its matrix",
  { skip: missing('curl') },
  async (t) => {
    const service = await startService(t)
    const project = await makeProject(t, { 'mlmm.json': result })
    const path = await makePath(t, programs('curl'))
    const names: [string, string][] = [
      ['train: [tree, iris]', 'train'],
      ['train: [a: [b], c]', 'train'],
      ['train 1/3', 'train'],
      ['train 10/12', 'train'],
      ['train a/b', 'train a/b'],
      ['train 1/2/3', 'train 1/2/3'],
      ['train: fast', 'train: fast'],
      ['1/2', '1/2'],
    ]

    for (const [CI_JOB_NAME] of names) await runJob({ path, project, url: service.url, env: { CI_JOB_NAME } })

    const expected = names.map(([name, model]) => ({ context: { job: { name }, defaults: { model } } }))
    t.match(service.uploads, expected)
  },
)

for (const shell of shells) {
  const skip = shell.command === null ? `${shell.name} is not installed` : missing('curl')
  t.test(`neither needs nor changes the options of ${shell.name}`, { skip }, async (t) => {
    const service = await startService(t)
    const project = await makeProject(t, { 'a.json': result })
    const path = await makePath(t, programs('curl'))
    const options = ['set -euCf', 'IFS=/', 'umask 0777', 'LC_ALL=C.UTF-8', 'status=mine base=mine']
    const bash = ['set -o pipefail', 'shopt -s nullglob dotglob']
    const before = shell.name === 'bash' ? [...options, ...bash] : options
    const after = ['echo "$- $IFS $status $base $(umask)" | { read -r line; echo "$line"; }', 'pwd']
    const job = { shell: shell.command ?? [], path, project, url: service.url, env: { MLMM_FILES: '*.json' } }

    const ended = await runJob({ ...job, before, after })
    const alone = await runJob({ ...job, before, after, env: { MLMM_URL: '' } })

    t.strictSame(ended.lines.slice(0, 3), printed)
    t.equal(ended.code, 0)
    t.strictSame(ended.lines.slice(3), alone.lines.slice(1))
    t.equal(ended.lines.length, 5)
  })
}

const noOpenssl = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'
for (const tool of tools) {
  t.test(
    `trusts a private certificate authority with ${tool}`,
    { skip: missing(tool) || noOpenssl },
    async (t) => {
      const folder = await makeFolder(t)
      const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
      const request =
        'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=mlmm'
      const options = [
        ...request.split(' '),
        '-addext',
        'subjectAltName=IP:127.0.0.1',
        '-keyout',
        key,
        '-out',
        cert,
      ]
      const made = spawnSync('openssl', options)
      t.equal(made.status, 0)
      const service = await startService(t, {
        tls: { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') },
      })
      const project = await makeProject(t, { 'mlmm.json': result })
      const path = await makePath(t, programs(tool, []))
      const job = { path, project, url: service.url }

      for (const name of ['CURL_CA_BUNDLE', 'SSL_CERT_FILE', 'CI_SERVER_TLS_CA_FILE']) {
        const ended = await runJob({ ...job, env: { [name]: cert } })
        t.strictSame(ended.lines, printed, name)
      }
      const refused = await runJob(job)

      t.equal(refused.lines.length, 1)
      t.match(
        refused.lines[0],
        /^mlmm: not uploaded: https:\/\/127\.0\.0\.1:\d+ is unreachable: .*certificate/i,
      )
      t.equal(service.uploads.length, 3)
      await rm(folder, { recursive: true })
    },
  )
}
