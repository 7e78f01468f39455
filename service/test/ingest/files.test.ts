import t from 'tap'
import { readContents, readFiles } from '../../ingest/files.js'

const defaults = { model: 'train', dataset: 'iris' }

function file(content: unknown, path = 'metrics.json') {
  return { path, text: typeof content === 'string' ? content : JSON.stringify(content) }
}

t.test('a flat or nested map of numbers is one model, nested names joined with a dot', async (t) => {
  const models = readFiles([file('{"accuracy": 0.9, "val": {"loss": NaN, "top": {"5": 1}}}')], defaults)

  t.match(models, [{ name: 'train', dataset: 'iris' }])
  t.same(
    models[0]?.results.toSorted((a, b) => a.k.localeCompare(b.k)),
    [
      { k: 'accuracy', v: 0.9 },
      { k: 'val.loss', v: Number.NaN },
      { k: 'val.top.5', v: 1 },
    ],
  )
})

t.test('mlmm.json holds one model, a list of them, or models', async (t) => {
  const model = { name: 'tree', results: { f1: 1 } }

  for (const content of [model, [model], { models: [model] }]) {
    t.match(readFiles([file(content, 'mlmm.json')], defaults), [{ name: 'tree', dataset: 'iris' }])
  }
})

t.test('files about the same model add to it', async (t) => {
  const files = [
    file({ hyperparameters: { lr: 0.1 }, results: { f1: 1 } }, 'mlmm.json'),
    file({ accuracy: 0.9, f1: 1 }, 'metrics.json'),
  ]

  t.match(readFiles(files, defaults), [
    { results: [{ k: 'f1' }, { k: 'accuracy' }], hyperparameters: [{ k: 'lr' }] },
  ])
})

t.test('files that contradict each other are refused', async (t) => {
  t.throws(() => readFiles([file({ f1: 1 }), file({ f1: 0.5 }, 'b.json')], defaults), {
    code: 'DUPLICATE_MODEL',
    field: 'results.f1',
  })
})

function chosenTrial(trial: string) {
  return { name: 'tree', trial, results: { f1: 1 }, chosen: true }
}

t.test('one file may choose a trial of another, but two trials of a search cannot be chosen', async (t) => {
  const models = readFiles(
    [file([{ ...chosenTrial('1'), chosen: false }]), file([chosenTrial('1')], 'b.json')],
    defaults,
  )

  t.match(models, [{ trial: '1', chosen: true }])
  t.throws(() => readFiles([file([chosenTrial('1')]), file([chosenTrial('2')], 'b.json')], defaults), {
    code: 'INVALID_BODY',
    message: /trials "1" and "2" of the model "tree" are both chosen/,
  })
})

function numbers(count: number, prefix: string) {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`${prefix}${i}`, i]))
}

const overTogether: [title: string, contentOf: (name: string) => unknown, field: string, said: RegExp][] = [
  ['results', (name) => numbers(400, name), 'results', /1200 results; at most 1000/],
  [
    'hyperparameters',
    (name) => ({ results: { f1: 1 }, hyperparameters: numbers(400, name) }),
    'hyperparameters',
    /at most 1000/,
  ],
  [
    'models',
    (name) => Array.from({ length: 200 }, (_, i) => ({ name: `${name}${i}`, results: {} })),
    'file',
    /501 models; at most 500/,
  ],
  [
    'artifacts',
    (name) => ({ results: { f1: 1 }, artifacts: Array.from({ length: 400 }, () => ({ path: name })) }),
    'artifacts',
    /at most 1000/,
  ],
]
for (const [title, contentOf, field, message] of overTogether) {
  t.test(`the limit of ${title} holds over all files`, async (t) => {
    const files = ['a', 'b', 'c'].map((name) => file(contentOf(name), `${name}.json`))

    t.doesNotThrow(() => readFiles(files.slice(1), defaults))
    t.throws(() => readFiles(files, defaults), { code: 'LIMIT_EXCEEDED', field, message })
  })
}

t.test('two files with one curve are refused', async (t) => {
  const content = { results: { f1: 1 }, curves: { loss: [[0, 1]] } }

  t.throws(() => readFiles([file(content), file(content, 'b.json')], defaults), {
    code: 'DUPLICATE_MODEL',
    field: 'curves.loss',
  })
})

t.test('a byte order mark does not matter', async (t) => {
  t.match(readFiles([file('\uFEFF{"f1": 1}')], defaults), [{ results: [{ k: 'f1', v: 1 }] }])
})

const refused: [title: string, content: unknown, code: string][] = [
  ['text', '"hello"', 'UNKNOWN_FILE_FORMAT'],
  ['an empty object', {}, 'UNKNOWN_FILE_FORMAT'],
  ['a map with text in it', { accuracy: 'high' }, 'INVALID_BODY'],
  ['broken JSON', '{"accuracy": 0.9', 'INVALID_JSON'],
  ['a field beside models', { models: [], modles: [] }, 'UNKNOWN_FIELD'],
  ['1,001 numbers', Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, 1])), 'LIMIT_EXCEEDED'],
]
for (const [title, content, code] of refused) {
  t.test(`refuses ${title} and names the file`, async (t) => {
    t.throws(() => readFiles([file(content)], defaults), { code, field: /^metrics\.json/ })
  })
}

t.test('a whole report is read like the file that it is made of', async (t) => {
  const model = { name: 'tree', results: { f1: 1 } }
  const content = { job: { name: 'train' }, defaults: { dataset: 'wine' }, models: [model] }

  t.match(readContents([{ path: 'head', content }], defaults), [{ name: 'tree', dataset: 'wine' }])
  t.match(readContents([{ path: 'head', content: model }], defaults), [{ name: 'tree', dataset: 'iris' }])
  t.match(readContents([{ path: 'head', content: { f1: 1 } }], defaults), [{ name: 'train' }])
  t.throws(() => readContents([{ path: 'head', content: { ...content, jbo: {} } }], defaults), {
    code: 'UNKNOWN_FIELD',
    field: 'head.jbo',
  })
})
