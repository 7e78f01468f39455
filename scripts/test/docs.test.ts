import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { parseFile, readContents } from '../../service/ingest/files.js'
import { readRules } from '../../service/ingest/rules-file.js'
import { PreviewBody } from '../../service/schemas/preview.js'
import { startTestService } from '../../service/test/support/service.js'
import { commandsOf, examplesOf, type Page, pages, root } from './documentation.js'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'mlmm-docs-'))
t.teardown(() => rmSync(folder, { recursive: true }))

const inPages = <T>(of: (page: Page) => T[]) =>
  pages.flatMap((page) => of(page).map((found) => ({ at: page.path, found })))

const rules = ['results', 'metrics', 'overrides', 'required', 'note', 'no_baseline', 'missing']
const keywords = ['include', 'workflow', 'stages', 'variables', 'default']

const reference = { tag: '!reference', collection: 'seq', resolve: (value: unknown) => value } as const

function parsed(example: string): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(parse(example, { customTags: [reference] }))
}

function isRules(example: string): boolean {
  return Object.keys(parsed(example)).every((key) => rules.includes(key))
}

t.test('examples of rules have no problems', async (t) => {
  const examples = inPages((page) => examplesOf(page, 'yaml').filter(isRules))

  t.ok(examples.length >= 6, `${examples.length} examples`)
  for (const { at, found } of examples) t.strictSame(readRules(found).problems, [], `${at}: ${found}`)
})

t.test('the rules of the examples have no problems', async (t) => {
  const { problems } = readRules(readFileSync(join(root, 'examples/iris/.mlmm.yml'), 'utf8'))

  t.strictSame(problems, [])
})

t.test('examples of pipelines extend jobs that there are, and set variables that there are', async (t) => {
  const template = readFileSync(join(root, 'ci-templates/templates/mlmm.yml'), 'utf8')
  const settings = readFileSync(join(root, 'ci-templates/README.md'), 'utf8')
  const examples = inPages((page) => examplesOf(page, 'yaml').filter((example) => !isRules(example)))

  t.ok(examples.length >= 6, `${examples.length} examples`)
  for (const { at, found } of examples) {
    const jobs = Object.entries(parsed(found)).filter(([name]) => !keywords.includes(name))
    for (const [name, job] of jobs) {
      const { extends: of } = z.looseObject({ extends: z.string() }).parse(job)
      t.ok(template.includes(`\n${of}:\n`), `${at}: ${name} extends ${of}`)
    }
    for (const [variable] of found.matchAll(/\bMLMM_(?!ID_TOKEN)\w+/g)) {
      t.ok(settings.includes(`\`${variable}\``), `${at}: ${variable}`)
    }
  }
})

t.test('examples of result files are read', async (t) => {
  const examples = inPages((page) => examplesOf(page, 'json'))

  t.ok(examples.length >= 3, `${examples.length} examples`)
  for (const { found } of examples) {
    const models = readContents([parseFile({ path: 'mlmm.json', text: found })], {
      model: 'model',
      dataset: 'default',
    })
    t.ok(models.length >= 1 && models.every(({ results }) => results.length > 0), found)
  }
})

t.test('the body of a preview is one', async (t) => {
  const page = pages.find(({ path }) => path === 'docs/preview.rst')
  const [, body = ''] = /^ +(\{"base".*\})$/m.exec(page?.text ?? '') ?? []

  t.strictSame(readRules(PreviewBody.parse(JSON.parse(body)).rules ?? '').problems, [])
})

t.test('each `mlmm report` prints a note', async (t) => {
  const commands = inPages((page) => commandsOf(page, 'npx --no-install mlmm report'))
  writeFileSync(join(folder, 'a.json'), '{"accuracy": 0.96, "loss": 0.21}')
  writeFileSync(join(folder, 'b.json'), '{"accuracy": 0.95, "loss": 0.20}')
  writeFileSync(join(folder, '.mlmm.yml'), 'results: {accuracy: {warn: {worse_by: 0.5pp}}}\n')

  t.ok(commands.length >= 2, `${commands.length} commands`)
  for (const { at, found } of commands) {
    const args = found.split(/ +/).slice(3)
    const { stdout, stderr } = await run(process.execPath, [join(root, 'cli/bin.js'), ...args], {
      cwd: folder,
    })
    t.equal(stderr, '', at)
    t.match(stdout, /^### ⚠️ Model results: 1 mixed\n\n\*\*Gate passed with 1 warning:/, `${at}: ${found}`)
  }
})

t.test('each `npm run` is a script', async (t) => {
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')))
  const names = inPages(({ text }) =>
    [...text.matchAll(/\bnpm run (?:--silent )?([\w:]+)/g)].map(([, name = '']) => name),
  )

  t.ok(names.length >= 8, `${names.length} commands`)
  for (const { at, found } of names) t.ok(scripts[found], `${at}: npm run ${found}`)
})

t.test('each link between the pages leads to a file', async (t) => {
  const links = inPages(({ text }) =>
    [...text.matchAll(/`[^`]+<([^>:]+)>`_|\]\(([^):]+)\)/g)].map(
      ([, rst, markdown]) => rst ?? markdown ?? '',
    ),
  )

  t.ok(links.length >= 15, `${links.length} links`)
  for (const { at, found } of links) t.ok(existsSync(join(root, dirname(at), found)), `${at}: ${found}`)
})

t.test('each address of the service is one, and each curl asks for it as it wants to be asked', async (t) => {
  const service = await startTestService(t, { worker: false })
  const token = `mlmm_${'x'.repeat(43)}`
  const curls = inPages((page) => commandsOf(page, 'curl '))

  t.ok(curls.length >= 8, `${curls.length} commands`)
  for (const { at, found } of curls) {
    const { method, address, body } = readCurl(found)
    const path = address
      .replace(/^\$MLMM(?=\/|$)/, '/api/v1/projects/7')
      .replace('https://mlmm.example.com', '')
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const answer = await fetch(`${service.url}${path}`, {
      method,
      headers: body === null ? { authorization: headers.authorization } : headers,
      body,
    })
    // A route that is there looks at the token first.
    t.equal(answer.status, 401, `${at}: ${method} ${path}`)
    t.match(await answer.json(), { code: 'API_TOKEN_INVALID' })
    if (body !== null) t.doesNotThrow(() => JSON.parse(body), body)
  }
  for (const path of ['/ci/v1/mlmm.yml', '/schemas/mlmm-rules.json', '/healthz', '/readyz']) {
    t.ok(
      pages.some(({ text }) => text.includes(path)),
      path,
    )
    t.equal((await service.get(path)).status, 200, path)
  }
})

/** As the pages write it: options, then the address. */
function readCurl(command: string): { method: string; address: string; body: string | null } {
  const words = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '')
  const valueOf = (option: string) =>
    words.includes(option) ? (words[words.indexOf(option) + 1] ?? '') : null
  const body = valueOf('-d')
  const address = words.at(-1) ?? ''
  return { method: valueOf('-X') ?? (body === null ? 'GET' : 'POST'), address, body }
}
