import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { run } from '../run.js'

const folder = mkdtempSync(join(tmpdir(), 'mlmm-cli-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const bin = fileURLToPath(new URL('../bin.js', import.meta.url))

function file(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

async function mlmm(args: string[], isTerminal = false) {
  const output = { text: '', errors: '' }
  const code = await run(args, {
    write: (text) => (output.text += text),
    complain: (text) => (output.errors += text),
    isTerminal,
  })
  return { code, ...output }
}

const base = file('base.json', {
  models: [
    { name: 'logistic', dataset: 'iris', results: { accuracy: 0.9333, loss: 0.21 } },
    { name: 'tree', dataset: 'iris', results: { accuracy: 0.9, loss: 0.13 } },
  ],
})
const head = file('head.json', {
  job: { name: 'train', status: 'success' },
  models: [{ name: 'logistic', dataset: 'iris', results: { accuracy: 0.9133, loss: 0.241 } }],
})
const tree = file('tree.json', [{ name: 'tree', dataset: 'iris', results: { accuracy: 0.95, loss: 0.11 } }])
const failing = file('failing.yml', 'results:\n  accuracy: {format: percent, fail: {worse_by: 1pp}}\n')
const usual = ['report', '--base', base, '--head', head, '--head', tree]

t.test('the note of two reports, several files a side', async (t) => {
  const { code, text, errors } = await mlmm(usual)

  t.equal(code, 0)
  t.equal(errors, '')
  t.match(text, /^### ⚠️ Model results: 1 worse, 1 better\n/)
  t.match(
    text,
    /<sub>Preview of <code>head&#46;json&#44; tree&#46;json<\/code>, compared with <code>base&#46;json<\/code>/,
  )
  t.notMatch(text, /\]\(|pipeline|git checkout/, 'no links, no pipeline, no commit')
})

t.test('a broken rule ends with 1, and the lines name it first', async (t) => {
  const { code, text } = await mlmm([...usual, '--rules', failing, '--lines'])

  t.equal(code, 1)
  t.strictSame(text.split('\n'), [
    'Model results: gate failed, 1 rule broken, compared with base on main',
    '  broken  logistic  iris  accuracy worse by at most 1pp: 93.3 → 91.3% (−2.0 pp)',
    '  worse   logistic  iris  accuracy 93.3 → 91.3% (−2.0 pp)  loss 0.210 → 0.241 (+0.031)',
    '  better  tree      iris  accuracy 90.0 → 95.0% (+5.0 pp)  loss 0.130 → 0.110 (−0.020)',
    '',
  ])
})

t.test('on a terminal the first word of a line is coloured', async (t) => {
  const { text } = await mlmm([...usual, '--lines'], true)

  t.match(text, '\n  \u001b[31mworse\u001b[0m   logistic')
  t.match(text, '\n  \u001b[32mbetter\u001b[0m  tree')
})

t.test('the verdict as JSON', async (t) => {
  const { text } = await mlmm([...usual, '--rules', failing, '--json'])

  t.match(JSON.parse(text), {
    state: 'fail',
    rules_applied: 2,
    broken: [{ level: 'fail', model: 'logistic', result: 'accuracy', rule: 'worse by at most 1pp' }],
  })
})

t.test('without a base it is a first report; a flat map of numbers is a model', async (t) => {
  const flat = file('metrics.json', '{"accuracy": 0.9, "val": {"loss": NaN}}')

  const { code, text } = await mlmm(['report', '--head', flat, '--model', 'tree', '--lines'])

  t.equal(code, 0)
  t.match(text, /^Model results: first report, 1 model/)
  t.match(text, /new +tree +default +accuracy 90\.0% +val\.loss NaN/)
})

t.test('wrong usage ends with 2 and says what was meant', async (t) => {
  const cases: [string[], RegExp][] = [
    [[], /A command is missing: report/],
    [['reprot'], /There is no command "reprot"\. Did you mean "report"\?/],
    [['report'], /--head <file> is missing/],
    [['report', '--haed', head], /There is no option --haed\. Did you mean --head\?/],
    [['report', '--head'], /'--head <value>' argument missing/],
    [['report', '--head', head, base], /Unexpected argument .*: files are named by --head and --base/],
    [['report', '--head', head, '--lines', '--json'], /--lines and --json are both given/],
    [['report', '--head', join(folder, 'none.json')], /none\.json: there is no such file/],
    [['report', '--head', folder], /the file cannot be read \(EISDIR\)/],
    [['report', '--head', head, '--rules', join(folder, 'none.yml')], /none\.yml: there is no such file/],
  ]
  for (const [args, message] of cases) {
    const { code, text, errors } = await mlmm(args)
    t.equal(code, 2, args.join(' '))
    t.equal(text, '')
    t.match(errors, message)
  }
})

t.test('a report that cannot be read names file, line and key', async (t) => {
  const cases: [string, RegExp][] = [
    [
      '[\n {"name": "a",\n  "resluts": {"x": 1}}]',
      /:3:3: .*resluts is not a known field\. Did you mean "results"\?/,
    ],
    [
      '{"models": [\n {"name": "a", "metrics":\n {"x": "high"}}]}',
      /:3:3: .*results\.x must be a number.* The value is high\./,
    ],
    ['{"accuracy": 0.9,\n "nested": {"loss":\n null}}', /:2:13: .*results\.nested\.loss must be a number/],
    ['{"accuracy": 0.9,\n "loss": 1,}', /:2:12: "}" cannot stand here; write valid JSON/],
    ['{"accuracy": [1, 2', /:1:19: the file ends too early/],
    ['{"a": 1} {"b": 2}', /:1:10: "\{" cannot stand here/],
    ['"text"', /is neither a model, a list of models nor a map of numbers/],
    ['{"models": [{"results": {"x": 1}}, {"results": {"x": 1}}]}', /:1:36: .*has the same name and dataset/],
  ]
  for (const [content, message] of cases) {
    const path = file('wrong.json', content)
    const { code, text, errors } = await mlmm(['report', '--head', path])
    t.equal(code, 2)
    t.equal(text, '')
    t.ok(errors.startsWith(path), errors)
    t.match(errors, message)
  }
})

t.test('hostile names stay on their line, without control characters', async (t) => {
  const name = 'a\u001b[31mred\n  broken \u202egnp'
  const hostile = file('hostile.json', { models: [{ name, results: { [name]: 1 } }] })

  const { text } = await mlmm(['report', '--head', hostile, '--lines'])

  // oxlint-disable-next-line no-control-regex
  t.notMatch(text.replaceAll('\n', ''), /[\0-\x1f\x7f\u202e]/)
  t.equal(text.split('\n').length, 3)
})

t.test(
  'the command starts by its name alone, in any folder, and takes the rules of that folder',
  async (t) => {
    file('.mlmm.yml', 'results:\n  accuracy: {format: percent, fail: {below: 99%}}\n')

    const { code, stdout, stderr } = await new Promise<{ code: unknown; stdout: string; stderr: string }>(
      (resolve) =>
        execFile(
          process.execPath,
          [bin, 'report', '--head', 'head.json', '--lines'],
          { cwd: folder, env: { PATH: process.env.PATH } },
          (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
        ),
    )

    t.equal(stderr, '')
    t.equal(code, 1)
    t.match(stdout, /^ {2}broken +logistic +iris +accuracy at least 99%: 91\.3%$/m)
  },
)

t.test('help goes to the output', async (t) => {
  t.match(await mlmm(['--help']), { code: 0, text: /^mlmm shows/ })
  t.match(await mlmm(['report', '--help']), { code: 0, text: /--rules <file>/ })
})
