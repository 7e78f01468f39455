import t from 'tap'
import { readRules } from '../../ingest/rules-file.js'

const amount = 'write 0.01 (in stored units), 1pp (percentage points) or 1% (of the baseline)'
const limit = 'write a value: 0.9 or 90%, which is the same'
const ruleKeys = 'the keys are better, format, unit, digits, tolerance, warn, fail'
const fileKeys = 'the keys are results, metrics, overrides, required, no_baseline, missing, note'

/** The text, and each problem as `line:column key | message | suggestion`. */
const cases: Record<string, [string, ...string[]]> = {
  'a mistyped key of the file': [
    'result:\n  a: {}',
    `1:1 result | "result" is not known here; ${fileKeys} | results`,
  ],
  'a mistyped key of a result': [
    'results:\n  accuracy:\n    beter: higher',
    `3:5 results.accuracy.beter | "beter" is not known here; ${ruleKeys} | better`,
  ],
  'a swapped pair of letters': [
    'results: {a: {fial: {above: 1}}}',
    `1:15 results.a.fial | "fial" is not known here; ${ruleKeys} | fail`,
  ],
  'a key that is like no other': [
    'results: {a: {colour: red}}',
    `1:15 results.a.colour | "colour" is not known here; ${ruleKeys} | `,
  ],
  'a mistyped key under a name with dots': [
    'results: {a.b: {unti: ms}}',
    `1:17 results."a.b".unti | "unti" is not known here; ${ruleKeys} | unit`,
  ],
  'a mistyped key in an override': [
    'overrides:\n- model: x\n  gate: off',
    '2:3 overrides[0].model | "model" is not known here; the keys are models, datasets, results, metrics, gate | models',
  ],
  'a mistyped word': [
    'results: {a: {better: hihger}}',
    '1:23 results.a.better | "hihger" is not possible here; write higher or lower | higher',
  ],
  'several at once, in the order of the file': [
    'missing: fial\nresults:\n  a: {digits: 99, format: percents}\nnote: {when: change}',
    '1:10 missing | "fial" is not possible here; write pass, warn or fail | fail',
    '3:15 results.a.digits | 99 is not possible here; write how many digits follow the decimal point, 0 to 10 | ',
    '3:27 results.a.format | "percents" is not possible here; write percent or number | percent',
    '4:14 note.when | "change" is not possible here; write always, changed or beyond_tolerance | changed',
  ],
  'a blank before the unit': [
    'results: {a: {tolerance: "1 pp "}}',
    `1:26 results.a.tolerance | "1 pp " is not possible here; ${amount} | 1pp`,
  ],
  'a unit in words': [
    'results: {a: {tolerance: 1percent, fail: {worse_by: 2 percentage points}}}',
    `1:26 results.a.tolerance | "1percent" is not possible here; ${amount} | 1%`,
    `1:53 results.a.fail.worse_by | "2 percentage points" is not possible here; ${amount} | 2pp`,
  ],
  'a negative difference': [
    'results: {a: {fail: {worse_by: -1pp}, warn: {worse_by: -0.5}}}',
    `1:32 results.a.fail.worse_by | "-1pp" is not possible here; ${amount} | 1pp`,
    `1:56 results.a.warn.worse_by | -0.5 is not possible here; ${amount} | 0.5`,
  ],
  'a decimal comma': [
    'results: {a: {tolerance: "0,5pp"}}',
    `1:26 results.a.tolerance | "0,5pp" is not possible here; ${amount} | 0.5pp`,
  ],
  'no numbers': [
    'results: {a: {tolerance: NaN, fail: {worse_by: .nan, below: .inf}, warn: {worse_by: 1e999}}}',
    `1:26 results.a.tolerance | "NaN" is not possible here; ${amount} | `,
    `1:48 results.a.fail.worse_by | NaN is not possible here; ${amount} | `,
    `1:61 results.a.fail.below | Infinity is not possible here; ${limit} | `,
    `1:85 results.a.warn.worse_by | Infinity is not possible here; ${amount} | `,
  ],
  'points as a value': [
    'results: {a: {fail: {below: 90pp}}}',
    `1:29 results.a.fail.below | "90pp" is not possible here; ${limit} | `,
  ],
  'percent of a percent': [
    'results:\n  accuracy: {fail: {worse_by: 1%}}',
    "2:21 results.accuracy.fail.worse_by | 1% can mean two things on a percent result; write 1pp (percentage points) or 1% of baseline (a part of the baseline's value) | 1pp",
  ],
  'percent of what the file calls percent elsewhere': [
    'results: {gini: {format: percent}}\noverrides: [{results: {gini: {tolerance: 2%}}}]',
    "2:31 overrides[0].results.gini.tolerance | 2% can mean two things on a percent result; write 2pp (percentage points) or 2% of baseline (a part of the baseline's value) | 2pp",
  ],
  'a unit beside percent': [
    'results: {a: {format: percent, unit: ms}}',
    '1:32 results.a.unit | a percent result has no other unit; remove unit: or format: | ',
  ],
  'limits that every value breaks': [
    'results: {a: {fail: {below: 90%, above: 0.1}}}',
    '1:15 results.a.fail | every value is below 90% or above 0.1; swap them | ',
  ],
  'gates and overrides that say nothing': [
    'results: {a: {warn: {}}}\noverrides:\n  - {models: x}',
    '1:15 results.a.warn | this says nothing; write worse_by, below or above | ',
    '3:5 overrides[0] | this says nothing; write results: or gate: off | ',
  ],
  'both words for results': [
    'results: {}\nmetrics: {}',
    '2:1 metrics | results: is there too, and means the same; move everything under one of them | ',
  ],
  'keys without a value': [
    'results:\n  accuracy:\nnote:',
    '2:3 results.accuracy | nothing is written here; write keys, such as {better: higher} | ',
    '3:1 note | nothing is written here; write keys, such as {columns: [accuracy]} | ',
  ],
  'other kinds of values': [
    'results: [a]\noverrides: {models: x}\nrequired: tree\nnote: {columns: accuracy}',
    '1:10 results | a list is not possible here; write names with their rules, such as accuracy: {better: higher} | ',
    '2:12 overrides | a set of keys is not possible here; write a list, such as - {models: fraud/*, gate: off} | ',
    '3:11 required | "tree" is not possible here; write a list, such as - {model: name, dataset: name} | ',
    '4:17 note.columns | "accuracy" is not possible here; write a list of result names, such as [accuracy, loss] | ',
  ],
  'required models': [
    'required: [{dataset: x}, {model: a*}]',
    '1:12 required[0].model | "model" is missing; write the name of a model, of 1 to 200 characters | ',
  ],
  'a required pattern': [
    'required: [{model: a*}]',
    '1:13 required[0].model | "a*" is a pattern; write one name, so that it is clear what is missing | ',
  ],
  'a number as a name': [
    'overrides: [{models: 7, gate: off}]\nrequired: [{model: 2024}]',
    '1:22 overrides[0].models | 7 is not possible here; write the name of a model, a pattern with *, or a list of them | "7"',
    '2:20 required[0].model | 2024 is not possible here; write the name of a model, of 1 to 200 characters | "2024"',
  ],
  'a gate that is on': [
    'overrides: [{models: x, gate: on}]',
    '1:31 overrides[0].gate | "on" is not possible here; write off, or remove the line | ',
  ],
  'a long name': [
    `results: {${'x'.repeat(201)}: {}}`,
    `1:11 results.${'x'.repeat(40)}… | this name is not possible; write the name of a result, or a pattern with *, of 1 to 200 characters | `,
  ],
  'a key that is there twice': [
    'results:\n  a: {}\n  b: {}\n  a: {}',
    '4:3 results.a | "a" is written twice; keep one | ',
  ],
  __proto__: [
    'results:\n  __proto__: {better: higher}',
    '2:3 results.__proto__ | "__proto__" cannot be a key | ',
  ],
  'a merge key': [
    'results:\n  a: &a {digits: 1}\n  b: {<<: *a}',
    '3:7 results.b.<< | merge keys (<<) mean nothing here; write the keys out | ',
  ],
  'a key that is a list': [
    '? [a]\n: b',
    '1:3 "" | a key is needed here; write a name, in quotes where it holds : { } [ ] or * | ',
  ],
  'an alias of itself': ['results: &a\n  x: *a', '2:6 results.x | the alias *a holds itself | '],
  'an alias of nothing': [
    'overrides:\n  - models: */x\n    gate: off',
    '2:13 overrides[0].models | */x is an alias of nothing; put a pattern that begins with * in quotes | "*/x"',
  ],
  'a pattern without quotes': [
    'results:\n  *_ms: {better: lower}',
    '2:3  | *_ms begins with *, which means an alias in YAML; put the pattern in quotes | "*_ms"',
  ],
  'a tab': ['results:\n\ta: {}', '2:1  | a tab stands where spaces belong | '],
  'two documents': [
    'results: {}\n---\nresults: {}',
    '2:1  | a second document begins here; write one, without --- | ',
  ],
  'a tag': [
    'results: !!python/object {a: {}}',
    '1:10  | tags, which begin with !, mean nothing here; remove it, or put the text in quotes | ',
  ],
  'a bracket left open': [
    'results: {a: {digits: 1}\nmissing: fail',
    '2:1  | the line does not line up with those above it, or a bracket is not closed | ',
  ],
  'a line that does not line up': [
    'results:\n   a: {}\n  b: {}',
    '3:1  | the line does not line up with those above it, or a bracket is not closed | ',
  ],
  'a list as the file': ['- a', '1:1  | a list is not possible here; write keys, such as results: | '],
  'a word as the file': ['hello', '1:1  | "hello" is not possible here; write keys, such as results: | '],
  NUL: [
    'results:\n  a\0b: {}',
    '2:4  | the character U+0000 is not allowed; save the file as plain UTF-8 text | ',
  ],
  'half a surrogate': [
    'a: \ud800',
    '1:4  | the character U+D800 is not allowed; save the file as plain UTF-8 text | ',
  ],
  'a byte order mark and a mistake': [
    '\ufeffresults: {a: {beter: x}}',
    `1:15 results.a.beter | "beter" is not known here; ${ruleKeys} | better`,
  ],
  'CRLF and a mistake': [
    'results:\r\n  a: {}\r\n  b: {digits: x}\r\n',
    '3:15 results.b.digits | "x" is not possible here; write how many digits follow the decimal point, 0 to 10 | ',
  ],
}

function problemsIn(text: string): string[] {
  return readRules(text).problems.map(({ line, column, key, message, suggestion }) => {
    return `${line}:${column} ${key} | ${message} | ${suggestion ?? ''}`
  })
}

for (const [what, [text, ...wanted]] of Object.entries(cases)) {
  t.test(what, async (t) => {
    t.strictSame(problemsIn(text), wanted)
    t.equal(readRules(text).rules, null)
  })
}

t.test('only one of two suggestions for a value is a right one', async (t) => {
  for (const written of ['1pp', '1% of baseline'])
    t.strictSame(problemsIn(`results: {accuracy: {fail: {worse_by: ${written}}}}`), [], written)
  t.strictSame(problemsIn('results: {accuracy: {format: number, fail: {worse_by: 1%}}}'), [])
})

t.test('1 MB is refused by its size', async (t) => {
  t.strictSame(problemsIn(`# ${'x'.repeat(1024 * 1024)}`), [
    '1:1  | the file has 1048578 bytes; it may have 65536 (64 kB). Use patterns such as "fraud/*" to say less | ',
  ])
})

t.test('64 kB are read, and bytes count', async (t) => {
  t.strictSame(problemsIn(`#${'x'.repeat(64 * 1024 - 1)}`), [])
  t.match(problemsIn(`#${'é'.repeat(32 * 1024)}`), [/^1:1 {2}\| the file has 65537 bytes/])
})

function overrides(count: number): string {
  return `overrides: [${'{gate: off}, '.repeat(count)}]`
}

t.test('at most 200 overrides and 20 problems', async (t) => {
  t.strictSame(problemsIn(overrides(200)), [])
  t.match(problemsIn(overrides(201)), [/^1:12 overrides \| a list is not possible here; write at most 200/])
  t.equal(problemsIn(Array.from({ length: 50 }, (_, index) => `k${index}: 1`).join('\n')).length, 20)
})

const bomb = ['a: &a [x,x,x,x,x,x,x,x,x,x]']
for (const [index, name] of [...'bcdefghi'].entries()) {
  bomb.push(`${name}: &${name} [${Array.from({ length: 10 }, () => `*${'abcdefgh'[index]}`).join(', ')}]`)
}

const hostile: Record<string, [string, RegExp]> = {
  'an alias bomb': [bomb.join('\n'), /the file has more than 20000 values, aliases included/],
  'lists in lists': ['['.repeat(65_000), /^1:21 {2}\| this is nested deeper than 20 levels/],
  'maps in maps': ['{a: '.repeat(5_000), /^1:81 {2}\| this is nested deeper than 20 levels/],
  'items in items': ['- '.repeat(10_000), /^1:41 {2}\| this is nested deeper than 20 levels/],
  'keys in keys': ['? '.repeat(10_000), /^1:41 {2}\| this is nested deeper than 20 levels/],
  'brackets without end': ['{}'.repeat(10_000), /no YAML/],
  'quotes without end': [`a: ${'"'.repeat(20_000)}`, /no YAML/],
  'many anchors': ['&a '.repeat(5_000), /no YAML/],
  'many aliases': [`a: &a x\nb: [${'*a,'.repeat(20_000)}]`, /more than 20000 values/],
  'aliases of aliases': [
    `a0: &a0 [x]\n${Array.from({ length: 40 }, (_, index) => `a${index + 1}: &a${index + 1} [*a${index}]`).join('\n')}`,
    /this is nested deeper than 20 levels/,
  ],
}

for (const [what, [text, wanted]] of Object.entries(hostile)) {
  t.test(`${what}: a problem and no throw`, async (t) => {
    t.match(problemsIn(text)[0], wanted)
  })
}

t.test('no mangled file throws, and no place is outside the file', async (t) => {
  const good =
    'results:\n  "*_ms": &a {fail: {worse_by: 1pp}}\n  b: *a\noverrides: [{models: x, gate: off}]\n'
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ':',
    '- ',
    '&',
    '*',
    '!',
    '%',
    '"',
    "'",
    '#',
    '|',
    '>',
    '\t',
    '\n',
    '? ',
    '---\n',
    '<<',
  ]
  const wrong: string[] = []

  for (let at = 0; at <= good.length; at += 2) {
    for (const piece of pieces) {
      const text = good.slice(0, at) + piece + good.slice(at + (at % 3))
      const lines = text.split('\n')
      for (const { line, column } of readRules(text).problems) {
        const isInside = column >= 1 && column <= (lines[line - 1]?.length ?? -1) + 1
        if (!isInside) wrong.push(`${line}:${column} of ${JSON.stringify(text)}`)
      }
    }
  }

  t.strictSame(wrong, [])
})

function list(count: number, entry: (n: number) => string): string {
  return Array.from({ length: count }, (_, n) => entry(n)).join('\n')
}

function patternsOfResults(count: number): string {
  return `results:\n${list(count, (n) => `  "r${n}*": {}\n  r${n}: {}`)}`
}

function patternsOfModels(count: number): string {
  return `overrides:\n- gate: off\n  models:\n${list(count, (n) => `  - m${n}*`)}`
}

t.test('patterns are held against every name, so there is an end to them', async (t) => {
  t.strictSame(readRules(patternsOfResults(200)).problems, [])
  t.strictSame(readRules(patternsOfModels(1_000)).problems, [])
  t.match(readRules(patternsOfResults(201)).problems, [
    { line: 1, key: 'results', message: 'the file has 201 patterns of results; it may have 200' },
  ])
  t.match(readRules(patternsOfModels(1_001)).problems, [
    { line: 1, message: 'the file has 1001 patterns of models and datasets; it may have 1000' },
  ])
})
