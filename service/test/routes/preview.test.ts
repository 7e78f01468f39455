import t from 'tap'
import { call, makeToken } from '../support/people.js'
import { startTestService } from '../support/service.js'

const service = await startTestService(t, { worker: false })
const { simulator, stores, maintainer } = service
const token = await makeToken(service, maintainer.id, { scope: 'read' })

const base = { models: [{ name: 'tree', dataset: 'iris', results: { accuracy: 0.9333 } }] }
const head = { models: [{ name: 'tree', dataset: 'iris', results: { accuracy: 0.9133 } }] }
const rules = 'results:\n  accuracy: {format: percent, fail: {worse_by: 1pp}}\n'

function ask(body: unknown, headers: Record<string, string> = {}, with_ = token) {
  return call(service, 'POST', '/api/v1/preview', { body, token: with_, headers })
}

async function text(body: unknown, accept: string) {
  const response = await fetch(`${service.url}/api/v1/preview`, {
    method: 'POST',
    headers: { accept, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  return { type: response.headers.get('content-type'), text: await response.text() }
}

t.test('a preview is the note, the lines and the verdict, and stores nothing', async (t) => {
  const { status, json } = await ask({ base, head, rules })

  t.equal(status, 200)
  t.match(json.note, /^### ❌ Model results: gate failed, 1 rule broken\n/)
  t.match(json.lines, [/^Model results: gate failed/, /^  broken  tree  iris  accuracy worse by at most 1pp/])
  t.match(json.verdict, {
    state: 'fail',
    rules_applied: 1,
    broken: [{ level: 'fail', kind: 'worse_by', model: 'tree', dataset: 'iris', result: 'accuracy' }],
  })
  t.strictSame(json.problems, [])
  t.equal((await stores.projects.listOpenAt('research/iris')).length, 0)
})

t.test('Accept chooses Markdown or the lines alone', async (t) => {
  const note = await text({ head }, 'text/markdown')
  const lines = await text({ head }, 'text/plain')

  t.equal(note.type, 'text/markdown; charset=utf-8')
  t.match(note.text, /^### .*first report/)
  t.equal(lines.type, 'text/plain; charset=utf-8')
  t.match(lines.text, /^Model results: first report/)
})

t.test('the ID token of a job is enough', async (t) => {
  const project = await service.createProject('preview/job')
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    sha: project.head,
    ref: 'main',
    source: 'push',
    jobs: [{ name: 'train' }],
  })
  const jobId = pipeline.jobs[0]?.id ?? 0
  simulator.setJobStatus(jobId, 'running')
  const idToken = simulator.idToken({ jobId, aud: service.url })

  t.equal((await ask({ head }, {}, idToken)).status, 200)
})

t.test('nobody else may ask', async (t) => {
  t.match(await call(service, 'POST', '/api/v1/preview', { body: { head } }), {
    status: 401,
    json: { code: 'API_TOKEN_MISSING' },
  })
  t.match(await ask({ head }, {}, 'something'), { status: 401, json: { code: 'ID_TOKEN_INVALID' } })
})

t.test('rules with errors give the note all the same, and the errors with their places', async (t) => {
  const { status, json } = await ask({ base, head, rules: 'results:\n  accuracy: {wran: {below: 1}}\n' })

  t.equal(status, 200)
  t.match(json.problems, [{ line: 2, column: 14, key: 'results.accuracy.wran', suggestion: 'warn' }])
  t.match(json.note, /worse/)
  t.match(json.verdict, { state: 'pass', rules_applied: 0 })
})

t.test('what cannot be read is refused with its field', async (t) => {
  const cases: [unknown, string, RegExp | null][] = [
    [{}, 'INVALID_BODY', /^head$/],
    [[], 'INVALID_BODY', null],
    [{ head, haed: head }, 'UNKNOWN_FIELD', /^haed$/],
    [{ head, rules: 7 }, 'INVALID_BODY', /^rules$/],
    [{ head: 'x' }, 'UNKNOWN_FILE_FORMAT', /^head$/],
    [
      { head, base: { models: [{ name: 'a', resluts: {} }] } },
      'UNKNOWN_FIELD',
      /^base\.models\[0\]\.resluts$/,
    ],
    [{ head: { accuracy: 'high' } }, 'INVALID_BODY', /^head\[0\]\.results\.accuracy$/],
  ]
  for (const [body, code, field] of cases) {
    const { status, json } = await ask(body)
    t.equal(status, 400)
    t.equal(json.code, code)
    if (field !== null) t.match(json.field, field)
  }
})

t.test('a megabyte is the limit', async (t) => {
  const { status, json } = await ask({ head, rules: '#'.repeat(1024 * 1024) })

  t.equal(status, 413)
  t.equal(json.code, 'BODY_TOO_LARGE')
})

t.test('floats that JSON does not have are read as Python writes them', async (t) => {
  const { json } = await ask('{"head": {"loss": NaN, "accuracy": 0.5}}')

  t.match(json.lines, [/first report/, /loss NaN/])
})

t.test('large previews take turns with everything else', async (t) => {
  const models = Array.from({ length: 45 }, (_, at) => {
    const names = Array.from({ length: 900 }, (_, index) => `r${at}-${index}`)
    return { name: `m${at}`, results: Object.fromEntries(names.map((name) => [name, 0.5])) }
  })
  const globs = Array.from({ length: 190 }, (_, index) => `  "*a${index}*b*": {better: higher}`)
  const large = { head: { models }, base: null, rules: `results:\n${globs.join('\n')}\n` }

  t.equal((await ask(large)).status, 200)
  const next = await ask({ head })

  t.equal(next.status, 429)
  t.equal(next.json.code, 'TOO_MANY_PREVIEWS')
  t.match(next.headers.get('retry-after'), /^\d+$/)
})
