import t from 'tap'
import { startTestService, type TestProject } from '../support/service.js'

const service = await startTestService(t, { worker: false, autoConnect: ['research/*'] })
const { simulator, stores } = service
const project = await service.createProject('research/iris')

function pipelineOf(jobs: string[], of: TestProject = project, extra: object = {}) {
  const base = { projectId: of.id, sha: of.head, ref: 'main', jobs: jobs.map((name) => ({ name })), ...extra }
  const pipeline = simulator.createPipeline(base)
  return { id: pipeline.id, jobs: pipeline.jobs.map((job) => job.id) }
}

function reportOf(name: string, accuracy = 0.9, job = 'train') {
  return { job: { name: job, status: 'success' }, models: [{ name, dataset: 'iris', results: { accuracy } }] }
}

async function storedModels(name: string) {
  const found = await stores.projects.findByGitLabId(project.id)
  const page = await stores.models.listNewest(found?.id ?? '', { name }, { limit: 1000, before: null })
  return page.models
}

t.test('answers 202 with the ids and addresses of the models', async (t) => {
  const { jobs } = pipelineOf(['train'])

  const answer = await service.report(jobs[0] ?? 0, reportOf('tree'))

  t.equal(answer.status, 202)
  t.match(answer.json, {
    report: String,
    models: [{ id: /^[\w-]{24}$/ }],
    links: { merge_request: null },
    verdict: null,
  })
  t.match(answer.text, `${service.url}/research/iris/-/models/tree/iris/${project.head.slice(0, 12)}`)
})

t.test('answers a shell with lines, the first naming the report', async (t) => {
  const { jobs } = pipelineOf(['train'])

  const answer = await service.report(jobs[0] ?? 0, reportOf('shell\u001b[31m\nred'), {
    headers: { accept: 'text/plain' },
  })

  t.equal(answer.status, 202)
  t.match(answer.text, /^report [\w.-]+\nshell \[31m red on iris: stored\n$/)
})

t.test('64 copies of one report at once give one set of models', async (t) => {
  const { jobs } = pipelineOf(['train'])
  const single = reportOf('copied')
  const several = {
    ...single,
    models: ['a', 'b', 'c'].map((name) => ({ name: `copied-${name}`, results: { f1: 1 } })),
  }

  for (const body of [single, several]) {
    const answers = await Promise.all(Array.from({ length: 64 }, () => service.report(jobs[0] ?? 0, body)))

    t.same(new Set(answers.map((answer) => answer.status)), new Set([202]))
    t.equal(new Set(answers.map((answer) => answer.text)).size, 1)
  }
  for (const name of ['copied', 'copied-a', 'copied-b', 'copied-c'])
    t.equal((await storedModels(name)).length, 1)
})

t.test('a retry replaces, an older try that comes late does not', async (t) => {
  const { jobs } = pipelineOf(['train'])
  const oldTry = jobs[0] ?? 0
  simulator.setJobStatus(oldTry, 'running')
  simulator.setJobStatus(oldTry, 'failed')
  const retry = simulator.retryJob(oldTry).id

  for (const [jobId, accuracy] of [
    [oldTry, 0.1],
    [retry, 0.2],
    [oldTry, 0.3],
  ] as const) {
    t.equal((await service.report(jobId, reportOf('retried', accuracy))).status, 202)
  }

  const models = await storedModels('retried')
  t.match(models, [{ job: { id: retry }, results: [{ v: 0.2 }] }])
  t.equal(models.length, 1)
})

t.test('two pipelines of one commit are kept beside each other', async (t) => {
  const older = pipelineOf(['train'])
  const newer = pipelineOf(['train'])

  for (const [jobId, accuracy] of [
    [newer.jobs[0], 0.2],
    [older.jobs[0], 0.1],
  ] as const) {
    t.equal((await service.report(jobId ?? 0, reportOf('rerun', accuracy))).status, 202)
  }

  const models = await storedModels('rerun')
  t.same(new Set(models.map((model) => model.pipeline?.id)), new Set([older.id, newer.id]))
})

for (const several of [false, true]) {
  const which = several ? 'two models' : 'one model'
  t.test(
    `another job of the pipeline with the same ${which} gets 409, and nothing is overwritten`,
    async (t) => {
      const { jobs } = pipelineOf(['a', 'b'])
      const name = `twice-${several}`
      const bodyOf = (job: string, accuracy: number) => {
        const report = reportOf(name, accuracy, job)
        return several
          ? { ...report, models: [{ name: `${name}-${job}`, results: {} }, ...report.models] }
          : report
      }

      t.equal((await service.report(jobs[0] ?? 0, bodyOf('a', 0.1))).status, 202)
      const refused = await service.report(jobs[1] ?? 0, bodyOf('b', 0.2))

      t.equal(refused.status, 409)
      t.match(refused.json, { code: 'DUPLICATE_MODEL', value: name, help: /MLMM_REPEAT/ })
      t.match(await storedModels(name), [{ results: [{ v: 0.1 }] }])
      t.same(await storedModels(`${name}-b`), [])
    },
  )
}

t.test('two jobs that race for one identity: one is stored, the other refused', async (t) => {
  const { jobs } = pipelineOf(['a', 'b'])

  const answers = await Promise.all(
    jobs.map((jobId, index) => service.report(jobId, reportOf('raced', index, index === 0 ? 'a' : 'b'))),
  )

  t.same(answers.map((answer) => answer.status).sort(), [202, 409])
  t.equal((await storedModels('raced')).length, 1)
})

t.test('takes result files as the job wrote them', async (t) => {
  const { jobs } = pipelineOf(['train'])
  const form = new FormData()
  form.set(
    'context',
    JSON.stringify({
      job: { name: 'train', status: 'success' },
      defaults: { model: 'filed', dataset: 'wine' },
    }),
  )
  form.append('file', new Blob(['{"accuracy": NaN, "val": {"loss": 0.5}}']), 'metrics.json')
  form.append('file', new Blob(['{"hyperparameters": {"lr": 0.1}, "results": {"f1": 1}}']), 'mlmm.json')
  const response = await fetch(`${service.url}/api/v1/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${simulator.idToken({ jobId: jobs[0] ?? 0, aud: service.url })}` },
    body: form,
  })

  t.equal(response.status, 202, await response.text())
  t.match(await storedModels('filed'), [
    { dataset: 'wine', results: [{ k: 'accuracy', v: Number.NaN }, { k: 'val.loss', v: 0.5 }, { k: 'f1' }] },
  ])
})

t.test('keeps curves whole and gives NaN back as a string', async (t) => {
  const { jobs } = pipelineOf(['train'])
  const points = Array.from({ length: 70_000 }, (_, i) => [i, i === 69_999 ? 'NaN' : i / 2])

  const answer = await service.report(jobs[0] ?? 0, {
    job: { name: 'train' },
    models: [{ name: 'curved', results: { loss: 'NaN' }, curves: { loss: points } }],
  })

  t.equal(answer.status, 202)
  const [model] = await storedModels('curved')
  t.match(model?.curves, [{ name: 'loss', count: 70_000, min: 0, max: 34_999, last: Number.NaN }])
  const read = await service.get(`/api/v1/projects/${project.id}/models/${model?.id}`)
  t.match(read.json, { results: { loss: 'NaN' }, curves: [{ last: 'NaN' }] })
})

t.test('a job that failed reports that without a model; a successful one may not', async (t) => {
  const { jobs } = pipelineOf(['failing', 'empty'])

  const failed = await service.report(jobs[0] ?? 0, { job: { name: 'failing', status: 'failed' } })
  const empty = await service.report(jobs[1] ?? 0, { job: { name: 'empty', status: 'success' }, models: [] })

  t.equal(failed.status, 202)
  t.equal((await service.get(`/api/v1/reports/${failed.json.report}`)).status, 200)
  t.equal(empty.status, 400)
  t.match(empty.json, { code: 'NO_MODEL' })
})

t.test('one wrong model of many: nothing is stored', async (t) => {
  const { jobs } = pipelineOf(['train'])
  const models = [
    { name: 'half-a', results: { f1: 1 } },
    { name: 'half-b', results: { f1: 'high' } },
  ]

  const answer = await service.report(jobs[0] ?? 0, { job: { name: 'train' }, models })

  t.match(answer.json, { code: 'INVALID_BODY', field: 'models[1].results.f1', value: 'high' })
  t.same(await storedModels('half-a'), [])
})

t.test('a body at the size limit is read, one byte more is refused', async (t) => {
  const { jobs } = pipelineOf(['train'])
  const limit = 32 * 1024 * 1024
  const text = JSON.stringify(reportOf('large'))

  t.equal((await service.report(jobs[0] ?? 0, text.padEnd(limit))).status, 202)
  const refused = await service.report(jobs[0] ?? 0, text.padEnd(limit + 1))
  t.equal(refused.status, 413)
  t.match(refused.json, { code: 'BODY_TOO_LARGE', help: /32 MB/ })
})

const badBodies: [
  title: string,
  body: string,
  headers: Record<string, string>,
  code: string,
  status: number,
][] = [
  ['broken JSON', '{"models": [', {}, 'INVALID_JSON', 400],
  ['an empty body', '', {}, 'INVALID_JSON', 400],
  [
    'another content type',
    'a=b',
    { 'content-type': 'application/x-www-form-urlencoded' },
    'UNSUPPORTED_CONTENT_TYPE',
    415,
  ],
  ['a compressed body', 'x', { 'content-encoding': 'gzip' }, 'UNSUPPORTED_CONTENT_TYPE', 415],
  ['JSON 5,000 deep', `{"models": ${'['.repeat(5000)}${']'.repeat(5000)}}`, {}, 'INVALID_BODY', 400],
  [
    'a project in the body',
    JSON.stringify({ project: 'other/project', models: [] }),
    {},
    'UNKNOWN_FIELD',
    400,
  ],
  ['a commit in the body', JSON.stringify({ commit: 'a'.repeat(40), models: [] }), {}, 'UNKNOWN_FIELD', 400],
]
for (const [title, body, headers, code, status] of badBodies) {
  t.test(`refuses ${title} with ${code}`, async (t) => {
    const { jobs } = pipelineOf(['train'])

    const answer = await service.report(jobs[0] ?? 0, body, { headers })

    t.equal(answer.status, status)
    t.match(answer.json, { code, status, help: String })
  })
}

t.test('refuses who has no token before reading the body, and says so to a shell in a line', async (t) => {
  const response = await fetch(`${service.url}/api/v1/reports`, {
    method: 'POST',
    headers: { accept: 'text/plain', 'content-type': 'application/json' },
    body: 'x'.repeat(1000),
  })

  t.equal(response.status, 401)
  t.match(await response.text(), /^error ID_TOKEN_MISSING: .+\n$/)
})

t.test(
  'a project that AUTO_CONNECT does not name, or without the bot, is refused with what to do',
  async (t) => {
    const elsewhere = await service.createProject('other/iris')
    const botless = await service.createProject('research/botless')
    simulator.removeMember(botless.id, service.bot.id)

    for (const of of [elsewhere, botless]) {
      const { jobs } = pipelineOf(['train'], of)
      const answer = await service.report(jobs[0] ?? 0, reportOf('tree'))

      t.equal(answer.status, 403)
      t.match(answer.json, { code: 'PROJECT_NOT_CONNECTED', help: /maintainer/ })
      t.equal(await stores.projects.findByGitLabId(of.id), null)
    }
  },
)

t.test('first reports of many jobs at once connect the project once', async (t) => {
  const fresh = await service.createProject('research/fresh')
  const { jobs } = pipelineOf(['a', 'b', 'c', 'd'], fresh)

  const answers = await Promise.all(
    jobs.map((jobId, i) => service.report(jobId, reportOf(`m${i}`, 1, `j${i}`))),
  )

  t.same(new Set(answers.map((answer) => answer.status)), new Set([202]))
})

t.test('a fork that runs in the project is refused', async (t) => {
  const contributor = simulator.createUser({ username: 'fay', name: 'Fay Fork' })
  const fork = await simulator.createProject({
    path: 'fay/iris',
    visibility: 'public',
    members: [{ userId: contributor.id, accessLevel: 50 }],
    forkedFrom: project.id,
  })
  const sha = await simulator.pushFiles({
    projectId: fork.id,
    userId: contributor.id,
    branch: 'mine',
    files: { a: 'b' },
  })
  const mr = await simulator.createMergeRequest({
    projectId: project.id,
    sourceProjectId: fork.id,
    sourceBranch: 'mine',
    targetBranch: 'main',
    title: 'From a fork',
    userId: contributor.id,
  })
  const { jobs } = pipelineOf(['train'], project, {
    sha,
    mrIid: mr.iid,
    ref: `refs/merge-requests/${mr.iid}/head`,
  })

  const answer = await service.report(jobs[0] ?? 0, reportOf('tree'))

  t.equal(answer.status, 403)
  t.match(answer.json, { code: 'FORK_REPORTS_OFF' })
})

t.test('a report of a private project is read with an ID token of that project only', async (t) => {
  const hidden = await service.createProject('research/hidden', { visibility: 'private' })
  const { jobs } = pipelineOf(['train'], hidden)
  const others = pipelineOf(['train'])
  const { report } = (await service.report(jobs[0] ?? 0, reportOf('tree'))).json
  const bearer = (jobId = 0) => ({
    authorization: `Bearer ${simulator.idToken({ jobId, aud: service.url })}`,
  })

  t.equal((await service.get(`/api/v1/reports/${report}`)).status, 404)
  t.equal((await service.get(`/api/v1/reports/${report}`, bearer(others.jobs[0]))).status, 404)
  t.equal((await service.get(`/api/v1/reports/${report}`, bearer(jobs[0]))).status, 200)
  for (const id of [hidden.id, encodeURIComponent('research/hidden')]) {
    t.equal((await service.get(`/api/v1/projects/${id}`)).status, 404)
    t.equal((await service.get(`/api/v1/projects/${id}/models`)).status, 404)
  }
  t.notMatch((await service.get('/api/v1/projects')).text, 'hidden')
})

t.test('a project that is closed later closes here, at the latest when GitLab is asked again', async (t) => {
  const closing = await service.createProject('research/closing')
  const { jobs } = pipelineOf(['train'], closing)
  await service.report(jobs[0] ?? 0, reportOf('tree'))
  t.equal((await service.get(`/api/v1/projects/${closing.id}`)).status, 200)
  simulator.updateProject(closing.id, { publicJobs: false })
  const connected = await stores.projects.findByGitLabId(closing.id)
  if (connected === null) throw new Error('not connected')
  await stores.projects.refresh(connected.id, connected, new Date(Date.now() - 6 * 60_000))

  t.equal((await service.get(`/api/v1/projects/${closing.id}`)).status, 404)
})

t.test('lists models by pages of keys', async (t) => {
  const paged = await service.createProject('research/paged')
  const { jobs } = pipelineOf(['train'], paged)
  const models = Array.from({ length: 120 }, (_, i) => ({ name: `m${i}`, results: { f1: i } }))
  t.equal((await service.report(jobs[0] ?? 0, { job: { name: 'train' }, models })).status, 202)

  const seen = new Set<unknown>()
  let before: unknown = null
  do {
    const query = before === null ? '' : `?before=${before}`
    const page = await service.get(`/api/v1/projects/${paged.id}/models${query}`)
    for (const model of page.json.models as { id: string }[]) seen.add(model.id)
    before = page.json.next
  } while (before !== null)

  t.equal(seen.size, 120)
  const forged = await service.get(`/api/v1/projects/${paged.id}/models?before=nonsense`)
  t.match(forged.json, { status: 400, code: 'INVALID_QUERY', field: 'before' })
})

t.test('__proto__ as the name of a result goes in and comes out', async (t) => {
  const { jobs } = pipelineOf(['train'])
  const body =
    '{"job": {"name": "train"}, "models": [{"name": "proto", "results": {"__proto__": 1}, "parameters": {"a": {"__proto__": 2, "$b.c": 3}}}]}'

  t.equal((await service.report(jobs[0] ?? 0, body)).status, 202)

  const [model] = await storedModels('proto')
  const read = await service.get(`/api/v1/projects/${project.id}/models/${model?.id}`)
  t.match(read.text, '"results":{"__proto__":1}')
  t.match(read.text, '"parameters":{"a":{"__proto__":2,"$b.c":3}}')
})

t.test('two hundred trials of a search are one report, and the chosen one is known', async (t) => {
  const { jobs } = pipelineOf(['search'])
  const models = Array.from({ length: 200 }, (_, trial) => ({
    name: 'searched',
    dataset: 'iris',
    trial,
    ...(trial === 42 && { chosen: true }),
    results: { accuracy: trial / 200 },
  }))

  const answer = await service.report(jobs[0] ?? 0, { job: { name: 'search', status: 'success' }, models })

  t.equal(answer.status, 202, answer.text)
  const stored = await storedModels('searched')
  t.equal(new Set(stored.map(({ trial }) => trial)).size, 200)
  t.same(
    stored.filter(({ chosen }) => chosen).map(({ trial }) => trial),
    ['42'],
  )
})
