import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../run.js'

/** What is wrong with a rules file is found by its line, its key and the nearest right spelling, in the note and on
 * standard error, and never costs a result. */

const folder = mkdtempSync(join(tmpdir(), 'mlmm-rules-'))
t.teardown(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const base = file(
  'base.json',
  '[{"name": "fraud/xgb", "results": {"accuracy": 0.93, "loss": 0.2, "fit_ms": 9}}]',
)
const head = file(
  'head.json',
  '[{"name": "fraud/xgb", "results": {"accuracy": 0.91, "loss": 0.3, "fit_ms": 9}}]',
)

interface Wrong {
  rules: string
  line: number
  key: string
  /** The nearest right spelling, where there can be one. */
  nearest: string | null
  message: RegExp
  /** Where the note has other words for it. */
  inNote?: RegExp
  /** It matches nothing, but the rest of the file holds. */
  holds?: boolean
}

const cases: Record<string, Wrong> = {
  'a typo in a key': {
    rules: 'results:\n  accuracy:\n    fial: {worse_by: 1pp}\n',
    line: 3,
    key: 'results.accuracy.fial',
    nearest: 'fail',
    message: /"fial" is not known here/,
  },
  'a typo at the top': {
    rules: 'resluts:\n  accuracy: {better: higher}\n',
    line: 1,
    key: 'resluts',
    nearest: 'results',
    message: /"resluts" is not known here/,
  },
  'a typo in a value': {
    rules: 'results:\n  accuracy: {better: higer}\n',
    line: 2,
    key: 'results.accuracy.better',
    nearest: 'higher',
    message: /"higer" is not possible here/,
  },
  'a wrong unit': {
    rules: 'results:\n  accuracy:\n    tolerance: 0.2pct\n',
    line: 3,
    key: 'results.accuracy.tolerance',
    nearest: '0.2%',
    message: /"0\.2pct" is not possible here/,
  },
  'a part of a percent result': {
    rules: 'results:\n  accuracy: {format: percent, fail: {worse_by: 1%}}\n',
    line: 2,
    key: 'results.accuracy.fail.worse_by',
    nearest: '1pp',
    message: /1%/,
  },
  'a cyclic alias': {
    rules: 'results: &all\n  accuracy: {better: higher}\n  loss: *all\n',
    line: 3,
    key: 'results.loss',
    nearest: null,
    message: /alias|itself/i,
  },
  'a megabyte': {
    rules: `results:\n${'  # filled\n'.repeat(110_000)}`,
    line: 1,
    key: '',
    nearest: null,
    message: /the file has \d+ bytes/,
  },
  'a result that nobody reports': {
    rules: 'results:\n  loss: {better: lower}\n  acuracy: {better: higher}\n',
    line: 3,
    key: 'results.acuracy',
    nearest: 'accuracy',
    message: /acuracy matches no result/,
    inNote: /The rule for acuracy checks nothing/,
    holds: true,
  },
  'a glob that matches nothing': {
    rules: 'results:\n  "*_sm": {better: lower}\noverrides:\n  - {models: fruad/*, gate: off}\n',
    line: 4,
    key: 'overrides[0].models',
    nearest: 'fraud/*',
    message: /fruad\/\* matches no model/,
    inNote: /The rule for fruad\/\* checks nothing/,
    holds: true,
  },
}

function decoded(note: string): string {
  return note
    .replace(/<wbr>|<\/?code>/g, '')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&nbsp;', ' ')
}

for (const [name, { rules, line, key, nearest, message, inNote = message, holds }] of Object.entries(cases)) {
  t.test(`${name} is named by line, key and nearest spelling`, async (t) => {
    const path = file('rules.yml', rules)
    let [text, errors] = ['', '']

    const code = await run(['report', '--base', base, '--head', head, '--rules', path], {
      write: (part) => (text += part),
      complain: (part) => (errors += part),
      isTerminal: false,
    })

    const note = decoded(text)
    const said = errors.split('\n').find((one) => one.startsWith(`${path}:${line}:`)) ?? ''
    t.equal(code, holds === true ? 0 : 2)
    t.match(said, message)
    t.ok(said.includes(key), `${said} names ${key}`)
    t.match(note, inNote)
    t.match(note, new RegExp(`line ${line}\\b`))
    t.ok(note.includes(key), `the note names ${key}`)
    if (nearest !== null) {
      t.ok(said.endsWith(`Did you mean "${nearest}"?`), said)
      t.ok(note.includes(`nearest is ${nearest}`) || note.includes(`Did you mean ${nearest}?`), note)
    }
    t.match(note, /93\.0 → \*\*91\.0%\*\* \(−2\.0 pp\)/, 'the results are there')
  })
}
