import t from 'tap'
import { parseJson } from '../../ingest/json.js'
import { readReport } from '../../ingest/report.js'

function oneModel(fields: object) {
  return { models: [{ name: 'tree', results: { accuracy: 0.9 }, ...fields }] }
}

t.test('reads a model with everything in it', async (t) => {
  const report = readReport({
    job: {
      name: 'train: [tree, iris]',
      status: 'success',
      url: 'https://git.example.com/research/iris/-/jobs/7',
    },
    models: [
      {
        name: 'tree',
        dataset: 'iris',
        repeat: 1,
        trial: null,
        version: null,
        parameters: { rows: 150 },
        hyperparameters: { k: 5, layers: [64, 64] },
        results: { accuracy: 0.96, loss: 'NaN' },
        curves: {
          loss: [
            [0, 0.7],
            [1, 'Infinity'],
          ],
        },
        dataset_digest: 'sha256:abc',
        test_size: 30,
        artifacts: [{ path: 'model.pkl', size: 12345, sha256: 'a'.repeat(64) }],
      },
    ],
  })

  t.match(report.job, { name: 'train: [tree, iris]', status: 'success' })
  t.match(report.models, [
    {
      name: 'tree',
      dataset: 'iris',
      repeat: '1',
      trial: null,
      parameters: [{ k: 'rows', v: 150 }],
      hyperparameters: [
        { k: 'k', v: 5 },
        { k: 'layers', v: [64, 64] },
      ],
      results: [
        { k: 'accuracy', v: 0.96 },
        { k: 'loss', v: Number.NaN },
      ],
      testSize: 30,
    },
  ])
  t.same([...(report.models[0]?.curves[0]?.values ?? [])], [0.7, Infinity])
})

t.test('the job names what the model does not', async (t) => {
  const report = readReport({
    defaults: { model: 'tree', dataset: 'wine', repeat: '3' },
    models: [{ metrics: { f1: 1 } }],
  })

  t.match(report.models, [{ name: 'tree', dataset: 'wine', repeat: '3', results: [{ k: 'f1', v: 1 }] }])
})

t.test('names may be anything, __proto__ and $ included', async (t) => {
  const names = ['__proto__', 'constructor', '$set', 'a.b', 'a b', '/merge', '@all', '\u202e', 'ünïcode 🎉']
  const results = parseJson(`{${names.map((name) => `${JSON.stringify(name)}: 1`).join(',')}}`)

  const report = readReport(oneModel({ results }))

  t.same(
    report.models[0]?.results.map(({ k }) => k),
    names,
  )
})

const refused: [title: string, body: unknown, code: string, field: string][] = [
  ['a body that is no object', [], 'INVALID_BODY', ''],
  ['an unknown field', { modles: [] }, 'UNKNOWN_FIELD', 'modles'],
  ['an unknown field of a model', oneModel({ acuracy: 1 }), 'UNKNOWN_FIELD', 'models[0].acuracy'],
  ['an unknown field of the job', { job: { id: 7 }, models: [] }, 'UNKNOWN_FIELD', 'job.id'],
  ['a model that is no object', { models: [7] }, 'INVALID_BODY', 'models[0]'],
  ['a model without name', { models: [{ results: {} }] }, 'INVALID_BODY', 'models[0].name'],
  ['a model without results', { models: [{ name: 'tree' }] }, 'INVALID_BODY', 'models[0].results'],
  ['results and metrics at once', oneModel({ metrics: {} }), 'INVALID_BODY', 'models[0].metrics'],
  ['an empty name', oneModel({ name: '' }), 'INVALID_NAME', 'models[0].name'],
  ['a name that is no text', oneModel({ name: 7 }), 'INVALID_NAME', 'models[0].name'],
  ['NUL in a name', oneModel({ name: 'a\0b' }), 'INVALID_NAME', 'models[0].name'],
  ['a lone surrogate in a name', oneModel({ dataset: '\ud800' }), 'INVALID_NAME', 'models[0].dataset'],
  [
    'a lone surrogate in a result',
    oneModel({ results: { '\udc00': 1 } }),
    'INVALID_NAME',
    'models[0].results (a name)',
  ],
  ['a result that is text', oneModel({ results: { f1: '0.9' } }), 'INVALID_BODY', 'models[0].results.f1'],
  ['a result that is null', oneModel({ results: { f1: null } }), 'INVALID_BODY', 'models[0].results.f1'],
  ['a result that is a flag', oneModel({ results: { f1: true } }), 'INVALID_BODY', 'models[0].results.f1'],
  ['results that are a list', oneModel({ results: [1] }), 'INVALID_BODY', 'models[0].results'],
  ['a curve that is a number', oneModel({ curves: { loss: 1 } }), 'INVALID_BODY', 'models[0].curves.loss'],
  [
    'a point without value',
    oneModel({ curves: { loss: [[1]] } }),
    'INVALID_BODY',
    'models[0].curves.loss[0]',
  ],
  [
    'a step that is NaN',
    oneModel({ curves: { loss: [[Number.NaN, 1]] } }),
    'INVALID_BODY',
    'models[0].curves.loss[0][0]',
  ],
  [
    'NUL in a nested name',
    oneModel({ parameters: { a: { 'b\0': 1 } } }),
    'INVALID_NAME',
    'models[0].parameters.a',
  ],
  ['a lone surrogate in the name of the job', { job: { name: 'a\ud800' } }, 'INVALID_NAME', 'job.name'],
  ['NUL in the digest', oneModel({ dataset_digest: 'a\0' }), 'INVALID_NAME', 'models[0].dataset_digest'],
  [
    'a lone surrogate in a path',
    oneModel({ artifacts: [{ path: '\udc00' }] }),
    'INVALID_NAME',
    'models[0].artifacts[0].path',
  ],
  [
    'an unknown field of an artifact',
    oneModel({ artifacts: [{ path: 'a', zise: 1 }] }),
    'UNKNOWN_FIELD',
    'models[0].artifacts[0].zise',
  ],
  ['artifacts that are an object', oneModel({ artifacts: {} }), 'INVALID_BODY', 'models[0].artifacts'],
  ['a test size beyond 2^53', oneModel({ test_size: 2 ** 53 }), 'INVALID_BODY', 'models[0].test_size'],
  ['a job url that runs a script', { job: { url: 'javascript:alert(1)' } }, 'INVALID_BODY', 'job.url'],
]
for (const [title, body, code, field] of refused) {
  t.test(`refuses ${title}`, async (t) => {
    t.throws(() => readReport(body), { code, ...(field !== '' && { field }) })
  })
}

t.test('two models with one identity are refused', async (t) => {
  const body = {
    models: [
      { name: 'tree', results: {} },
      { name: 'tree', dataset: 'default', results: {} },
    ],
  }

  t.throws(() => readReport(body), { code: 'DUPLICATE_MODEL', field: 'models[1]' })
})

function entries(count: number, value: unknown = 1): Record<string, unknown> {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, value]))
}

function artifacts(count: number): unknown[] {
  return Array.from({ length: count }, (_, i) => ({ path: `${i}.pkl` }))
}

function nested(levels: number): unknown {
  let value: unknown = 1
  for (let i = 0; i < levels; i += 1) value = [value]
  return value
}

const atLimit: [title: string, ok: object, tooMuch: object][] = [
  ['200 characters a name', { name: '🎉'.repeat(200) }, { name: 'a'.repeat(201) }],
  ['1,000 results', { results: entries(1000) }, { results: entries(1001) }],
  ['1,000 parameters', { parameters: entries(1000) }, { parameters: entries(1001) }],
  ['1,000 hyperparameters', { hyperparameters: entries(1000) }, { hyperparameters: entries(1001) }],
  ['10 kB a value', { parameters: { a: 'x'.repeat(10_240) } }, { parameters: { a: 'x'.repeat(10_241) } }],
  [
    '10 kB a JSON value',
    { parameters: { a: ['x'.repeat(10_236)] } },
    { parameters: { a: ['x'.repeat(10_237)] } },
  ],
  [
    '10 kB in a list of numbers',
    { parameters: { a: Array.from({ length: 5_119 }, () => 1) } },
    { parameters: { a: Array.from({ length: 5_120 }, () => 1) } },
  ],
  ['1,000 artifacts', { artifacts: artifacts(1000) }, { artifacts: artifacts(1001) }],
  ['20 levels', { parameters: { a: nested(20) } }, { parameters: { a: nested(21) } }],
]
for (const [title, ok, tooMuch] of atLimit) {
  t.test(`accepts ${title} and refuses one more`, async (t) => {
    t.doesNotThrow(() => readReport(oneModel(ok)))
    t.throws(() => readReport(oneModel(tooMuch)), { code: 'LIMIT_EXCEEDED' })
  })
}

t.test('accepts 500 models and refuses one more', async (t) => {
  const models = Array.from({ length: 501 }, (_, i) => ({ name: `m${i}`, results: {} }))

  t.equal(readReport({ models: models.slice(1) }).models.length, 500)
  t.throws(() => readReport({ models }), { code: 'LIMIT_EXCEEDED', field: 'models' })
})

function twoCurves(first: unknown[], second: unknown[]) {
  return {
    models: [
      { name: 'a', results: {}, curves: { loss: first } },
      { name: 'b', results: {}, curves: { loss: second } },
    ],
  }
}

t.test('accepts 1,000,000 curve points over all models and refuses one more', async (t) => {
  const half = Array.from({ length: 500_000 }, () => [0, 0])

  t.doesNotThrow(() => readReport(twoCurves(half, half)))
  t.throws(() => readReport(twoCurves(half, [...half, [0, 0]])), {
    code: 'LIMIT_EXCEEDED',
    field: 'models[1].curves.loss',
  })
})

t.test('what is far over a limit is refused unread', async (t) => {
  const many = new Proxy(Array.from({ length: 1_000_000 }), {
    get(list, key) {
      if (/^\d/.test(String(key))) throw new Error('read')
      return Reflect.get(list, key)
    },
  })

  for (const body of [{ models: many }, oneModel({ artifacts: many }), oneModel({ parameters: { a: many } })])
    t.throws(() => readReport(body), { code: 'LIMIT_EXCEEDED' })
})

t.test('a value nested 5,000 deep is refused, not recursed into', async (t) => {
  t.throws(() => readReport(oneModel({ parameters: { a: nested(5000) } })), { code: 'LIMIT_EXCEEDED' })
  t.throws(() => readReport(nested(5000)), { code: 'INVALID_BODY' })
  t.throws(() => readReport({ models: nested(5000) }), { code: 'INVALID_BODY' })
})

t.test('a trial may be chosen, with all its repeats', async (t) => {
  const trial = { name: 'tree', results: { accuracy: 0.9 } }
  const { models } = readReport({
    models: [
      { ...trial, trial: 1 },
      { ...trial, trial: 2, repeat: 'a', chosen: true },
      { ...trial, trial: '2', repeat: 'b', chosen: true },
      { ...trial, trial: 3, chosen: null },
      { ...trial, name: 'net', trial: 1, chosen: true },
    ],
  })
  const byDefault = readReport({ defaults: { trial: '7' }, ...oneModel({ chosen: true }) })

  t.same(
    models.map(({ chosen }) => chosen),
    [false, true, true, false, true],
  )
  t.match(byDefault.models, [{ trial: '7', chosen: true }])
})

t.test('what is no trial cannot be chosen, nor can two trials of one search', async (t) => {
  t.throws(() => readReport(oneModel({ chosen: true })), {
    code: 'INVALID_BODY',
    message: /models\[0\]\.chosen .* set models\[0\]\.trial or MLMM_TRIAL/,
  })
  t.throws(() => readReport(oneModel({ trial: '1', chosen: 'yes' })), { code: 'INVALID_BODY' })
  const trials = [1, 2].map((trial) => ({ name: 'tree', results: { accuracy: 0.9 }, trial, chosen: true }))
  t.throws(() => readReport({ models: trials }), {
    code: 'INVALID_BODY',
    message: /The trials "1" and "2" of the model "tree" are both chosen/,
  })
})

t.test('a search of 500 trials is one report', async (t) => {
  const trials = Array.from({ length: 500 }, (_, trial) => ({
    name: 'tree',
    results: { accuracy: trial },
    trial,
  }))

  const { models } = readReport({ models: trials })

  t.equal(new Set(models.map(({ trial }) => trial)).size, 500)
})
