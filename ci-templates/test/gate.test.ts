import t from 'tap'
import {
  busyboxWget,
  findClosedPort,
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
} from './helper.js'

const grey = (text: string) => `\u001B[90m${text}\u001B[0m`
const red = (text: string) => `\u001B[31m${text}\u001B[0m`
const green = (text: string) => `\u001B[32m${text}\u001B[0m`
const yellow = (text: string) => `\u001B[33m${text}\u001B[0m`

const plain = { NO_COLOR: '1' }
const failing = 'gate failed\nModel results: 1 worse\n  broken  tree  accuracy below 90%\n'

const clients = [
  ...shells.flatMap((shell) =>
    tools.map((tool) => ({
      name: `${shell.name} with ${tool}`,
      shell: shell.command ?? [],
      found: programs(tool, []),
      skip: shell.command === null ? `${shell.name} is not installed` : missing(tool),
    })),
  ),
  {
    name: "BusyBox's wget",
    shell: [],
    found: { ...programs(null), wget: busyboxWget },
    skip: busyboxWget === null ? 'busybox with wget is not installed' : false,
  },
]

for (const { name, shell, found, skip } of clients) {
  t.test(`waits, prints the verdict and fails in ${name}`, { skip }, async (t) => {
    const service = await startService(t, {
      gate: (reply, number) =>
        reply.type('text/plain').send(number === 1 ? 'gate pending\nWaiting: 1 job.\n' : failing),
    })
    const project = await makeProject(t)
    const temporary = await makeFolder(t)
    const path = await makePath(t, found)
    const job = { shell, path, project, temporary, url: service.url, part: 'gate' as const, env: plain }

    const ended = await runJob({ ...job, after: ['echo after'] })

    t.strictSame(ended.lines, [
      'mlmm: Waiting: 1 job.',
      'mlmm: gate failed',
      'mlmm: Model results: 1 worse',
      'mlmm:   broken  tree  accuracy below 90%',
    ])
    t.equal(ended.code, 1)
    t.equal(service.authorization, `Bearer ${token}`)
    t.strictSame(service.requests, ['GET /api/v1/gate?wait=20', 'GET /api/v1/gate?wait=20'])
  })
}

const skip = missing('curl')

t.test('passes, warns, or has nothing to judge', { skip }, async (t) => {
  const project = await makeProject(t)
  const path = await makePath(t, programs('curl'))
  for (const [answer, line] of [
    ['gate passed\nall well', 'gate passed'],
    ['gate warned\nall well\n', 'gate warned'],
    ['gate none\r\nall well\n', 'gate passed'],
  ]) {
    const service = await startService(t, { gate: (reply) => reply.send(answer) })
    const ended = await runJob({
      path,
      project,
      url: service.url,
      part: 'gate',
      env: plain,
      after: ['echo after'],
    })

    t.strictSame(ended, { ...ended, code: 0, lines: [`mlmm: ${line}`, 'mlmm: all well', 'after'] })
  }
})

t.test('says once what it waits for, and gives up in time', { skip }, async (t) => {
  const service = await startService(t, { gate: (reply) => reply.send('gate pending\nWaiting: 1 job.\n') })
  const project = await makeProject(t)
  const path = await makePath(t, programs('curl'))
  const job = { path, project, url: service.url, part: 'gate' as const }
  const run = (more: object) => runJob({ ...job, env: { ...plain, MLMM_GATE_TIMEOUT: '5', ...more } })

  const [ended, lenient] = await Promise.all([run({}), run({ MLMM_GATE_UNREACHABLE: 'pass' })])

  const why = 'no verdict within 5 s (MLMM_GATE_TIMEOUT)'
  t.strictSame(ended.lines, ['mlmm: Waiting: 1 job.', `mlmm: gate failed: ${why}`])
  t.equal(ended.code, 1)
  t.strictSame(lenient.lines.slice(1), [
    `mlmm: gate passed without a verdict (MLMM_GATE_UNREACHABLE): ${why}`,
  ])
  t.equal(lenient.code, 0)
  t.ok(ended.ms < 15_000, `${ended.ms} ms`)
  t.match(service.requests, [/wait=0$/])
})

t.test('does not pass silently when the service is away', { skip }, async (t) => {
  const project = await makeProject(t)
  const path = await makePath(t, programs('curl', []))
  const closed = `http://127.0.0.1:${await findClosedPort()}`
  const busy = await startService(t, { gate: (reply) => reply.code(503).send('error UNAVAILABLE: later\n') })
  for (const [url, why] of [
    [closed, /: http:\/\/127.0.0.1:\d+ is unreachable: .*connect/],
    [busy.url, /: http:\/\/127.0.0.1:\d+ answers 503, UNAVAILABLE: later/],
  ] as const) {
    const job = { path, project, url, part: 'gate' as const }
    const ended = await runJob({ ...job, env: plain })
    const lenient = await runJob({ ...job, env: { ...plain, MLMM_GATE_UNREACHABLE: 'pass' } })

    t.match(ended.lines, [why])
    t.match(ended.lines[0], /^mlmm: gate failed: /)
    t.equal(ended.code, 1)
    t.match(lenient.lines, [why])
    t.match(lenient.lines[0], /^mlmm: gate passed without a verdict \(MLMM_GATE_UNREACHABLE\): /)
    t.equal(lenient.code, 0)
  }
  t.equal(busy.requests.length, 14)
})

t.test('fails at a refusal or at an answer that is not mlmm, whatever is set', { skip }, async (t) => {
  const project = await makeProject(t)
  const path = await makePath(t, programs('curl'))
  const env = { ...plain, MLMM_GATE_UNREACHABLE: 'pass' }
  const refusing = await startService(t, {
    gate: (reply) => reply.code(403).send('error PROJECT_NOT_CONNECTED: ask a maintainer\n'),
  })

  const refused = await runJob({ path, project, url: refusing.url, part: 'gate', env })

  const why = 'answers 403, PROJECT_NOT_CONNECTED: ask a maintainer'
  t.strictSame(refused.lines, [`mlmm: gate failed: ${refusing.url} ${why}`])
  t.equal(refused.code, 1)
  for (const answer of [
    '',
    '<html>',
    'gate',
    'gate passed now',
    'Gate passed',
    ' gate passed',
    'gate failed x',
  ]) {
    const service = await startService(t, { gate: (reply) => reply.send(answer) })
    const ended = await runJob({ path, project, url: service.url, part: 'gate', env })
    t.strictSame(ended.lines, [`mlmm: gate failed: what answers at ${service.url} is not mlmm`], answer)
    t.equal(ended.code, 1)
  }
})

t.test('says which setting is wrong', { skip }, async (t) => {
  const project = await makeProject(t)
  const path = await makePath(t, programs('curl'))
  const seconds = 'MLMM_GATE_TIMEOUT must be 1 to 3600 seconds'
  const wrong: [Record<string, string>, string][] = [
    [{ MLMM_GATE_TIMEOUT: '0' }, `${seconds}: 0`],
    [{ MLMM_GATE_TIMEOUT: '3601' }, `${seconds}: 3601`],
    [{ MLMM_GATE_TIMEOUT: '1h' }, `${seconds}: 1h`],
    [{ MLMM_GATE_TIMEOUT: '$(: >pwned)' }, `${seconds}: $(: >pwned)`],
    [{ MLMM_GATE_UNREACHABLE: 'yes' }, 'MLMM_GATE_UNREACHABLE must be fail or pass: yes'],
    [{ CI_JOB_NAME: 'gate' }, 'the job must be called mlmm-gate: gate'],
    [{ MLMM_URL: '' }, 'MLMM_URL is not set; extend .mlmm-gate or set it'],
    [
      { MLMM_ID_TOKEN: '' },
      'MLMM_ID_TOKEN is not set; id_tokens of the job replace those of .mlmm-gate, so repeat it there',
    ],
  ]

  for (const [env, message] of wrong) {
    const url = 'http://127.0.0.1:1'
    const ended = await runJob({ path, project, url, part: 'gate', env: { ...plain, ...env } })
    t.strictSame(ended.lines, [`mlmm: gate failed: ${message}`])
    t.equal(ended.code, 1)
  }
})

t.test('colours the state that a line begins with, and nothing else', { skip }, async (t) => {
  const lines: [string, string][] = [
    ['  worse         tree  worse', `  ${red('worse')}         tree  worse`],
    ['broken  tree', `${red('broken')}  tree`],
    ['  missing  tree', `  ${yellow('missing')}  tree`],
    ['mixed', yellow('mixed')],
    ['  better  a % b \\033[1m', `  ${green('better')}  a % b \\033[1m`],
    ['    within noise  tree', `    ${grey('within noise')}  tree`],
    ['  same  tree', `  ${grey('same')}  tree`],
    ['  new   tree', `  ${grey('new')}   tree`],
    ['  worsened  tree', '  worsened  tree'],
    ['within reach  tree', 'within reach  tree'],
    ['Model results: 1 worse', 'Model results: 1 worse'],
    ['\u001B[31mbetter', '[31mbetter'],
    ['*', '*'],
    ['', ''],
  ]
  const text = lines.map(([line]) => `${line}\n`).join('')
  const service = await startService(t, {
    gate: (reply) => reply.send(`gate warned\n${text}`),
    get: (reply) => reply.send(text),
  })
  const project = await makeProject(t, { 'mlmm.json': '{}' })
  const path = await makePath(t, programs('curl'))
  const expected = lines.map(([, line]) => `mlmm: ${line}`)

  for (const { command } of shells) {
    const job = { shell: command ?? [], path, project, url: service.url }
    const gate = await runJob({ ...job, part: 'gate' })
    const upload = await runJob(job)
    const off = await runJob({ ...job, env: plain })

    t.strictSame(gate.lines, [`mlmm: ${yellow('gate warned')}`, ...expected])
    t.strictSame(upload.lines.slice(1), expected)
    t.notMatch(off.lines.join('\n'), '\u001B')
  }
})
