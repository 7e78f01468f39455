import { execFile } from 'node:child_process'
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const oxlint = join(root, 'node_modules', '.bin', 'oxlint')

const outside = ['simulator/x', 'embedded/x', 'bench/x', 'demo/x', 'scripts/x']
const base = ['service/errors', 'service/schemas/x', 'service/domain/x']
const port = ['service/gitlab/port', 'service/gitlab/errors']
const kept = [...base, ...port, 'service/stores/x', 'service/render/x']
const speaking = ['service/connection/x', 'service/grants/x']
const web = [...kept, ...speaking, 'service/ingest/x', 'service/jobs/queue']
const wired = [...web, 'service/plugins/x', 'service/routes/x', 'service/config']
const all = [
  ...wired,
  'service/app',
  'service/server',
  'service/jobs/worker',
  'service/gitlab/client',
  ...outside,
]

/** What each part may import of `all`. */
const allowed: Record<string, string[]> = {
  'service/server': all.filter((target) => !outside.includes(target)),
  'service/app': wired,
  'service/routes/probe': [...web, 'service/plugins/x', 'service/routes/x'],
  'service/plugins/probe': [...web, 'service/plugins/x'],
  'service/jobs/probe': [
    ...kept,
    ...speaking,
    'service/ingest/x',
    'service/jobs/queue',
    'service/jobs/worker',
  ],
  'service/connection/probe': [
    ...base,
    ...port,
    ...speaking,
    'service/stores/x',
    'service/plugins/x',
    'service/jobs/queue',
  ],
  'service/grants/probe': [
    ...base,
    ...port,
    'service/grants/x',
    'service/stores/x',
    'service/render/x',
    'service/gitlab/client',
  ],
  'service/stores/probe': [...base, 'service/stores/x'],
  'service/gitlab/probe': [...base, ...port, 'service/gitlab/client'],
  'service/ingest/probe': [...base, 'service/ingest/x'],
  'service/render/probe': [...base, 'service/render/x'],
  'service/domain/probe': base,
  'service/schemas/probe': ['service/errors', 'service/schemas/x'],
  'service/config': ['service/errors', 'service/schemas/x'],
}

t.test('the linter refuses every import against the directions, and no other', async (t) => {
  const folder = await lintFolder(t)
  for (const from of Object.keys(allowed)) await writeProbe(folder, from)

  const refused = await lint(folder)

  for (const [from, targets] of Object.entries(allowed)) {
    const others = all.filter((target) => target !== from && !targets.includes(target))
    t.same(refused.get(from) ?? [], others.toSorted(), from)
  }
})

t.test('the linter keeps I/O, clock, process and randomness out of the pure folders', async (t) => {
  const folder = await lintFolder(t)
  const impure = [
    `import { a } from 'node:fs'`,
    `import { b } from 'mongodb'`,
    `import { randomBytes } from 'node:crypto'`,
    `export const c = Date.now()`,
    `export const d = Math.random()`,
    `export const e = process.pid`,
    `export const f = await fetch('x')`,
  ]
  const pure = ['domain', 'ingest', 'render'].map((name) => `service/${name}/probe`)
  for (const from of pure) await write(folder, from, impure)

  const { stdout } = await runLint(folder)

  for (const from of pure) {
    const lines = found(stdout)
      .filter((problem) => problem.from === from && problem.code !== 'eslint(no-unused-vars)')
      .map((problem) => problem.line)
    t.same([...new Set(lines)].toSorted(), [1, 2, 3, 4, 5, 6, 7], from)
  }
})

t.test('only config and server read the environment', async (t) => {
  const folder = await lintFolder(t)
  const reads = ['export const a = process.env.A']
  for (const from of ['service/server', 'service/app', 'service/routes/probe'])
    await write(folder, from, reads)

  const { stdout } = await runLint(folder)

  t.same(
    found(stdout)
      .map(({ from }) => from)
      .toSorted(),
    ['service/app', 'service/routes/probe'],
  )
})

// Not `t.testdir`, which lies below .tap, where the linter looks at nothing.
async function lintFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mlmm-lint-'))
  t.teardown(() => rm(folder, { recursive: true }))
  await copyFile(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'))
  return folder
}

async function writeProbe(folder: string, from: string): Promise<void> {
  const targets = all.filter((target) => target !== from)
  await write(
    folder,
    from,
    targets.map((target) => `export * from '${specifier(from, target)}'`),
  )
}

async function write(folder: string, from: string, lines: string[]): Promise<void> {
  const file = join(folder, `${from}.ts`)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${lines.join('\n')}\n`)
}

function specifier(from: string, target: string): string {
  const path = relative(dirname(from), target)
  return `${path.startsWith('.') ? path : `./${path}`}.js`
}

async function lint(folder: string): Promise<Map<string, string[]>> {
  const refused = new Map<string, string[]>()
  const { stdout } = await runLint(folder)
  for (const { from, code, line } of found(stdout)) {
    if (code !== 'eslint(no-restricted-imports)') continue
    const target = all.filter((name) => name !== from)[line - 1] ?? ''
    refused.set(from, [...(refused.get(from) ?? []), target].toSorted())
  }
  return refused
}

// It ends with 1 when it found something, which is what is wanted here; tap's NODE_OPTIONS break it.
function runLint(folder: string): Promise<{ stdout: string }> {
  const command = ['-u', 'NODE_OPTIONS', oxlint, '--format=json']
  return run('env', command, { cwd: folder }).catch((failed: { stdout: string }) => failed)
}

interface Problem {
  from: string
  code: string
  line: number
}

function found(stdout: string): Problem[] {
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: Diagnostic[] }
  return diagnostics.map(({ filename, code, labels }) => ({
    from: filename.replace(/\.ts$/, ''),
    code,
    line: labels[0]?.span.line ?? 0,
  }))
}

interface Diagnostic {
  filename: string
  code: string
  labels: { span: { line: number } }[]
}
