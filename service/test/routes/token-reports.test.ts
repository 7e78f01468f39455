import t from 'tap'
import { chooseBaselines, isCarriable, isTrustworthy } from '../../domain/baseline.js'
import type { Model } from '../../domain/model.js'
import { call, makeToken } from '../support/people.js'
import { startTestService } from '../support/service.js'

const service = await startTestService(t)
const { simulator, stores, maintainer } = service
const project = await service.createProject('research/iris')
const developer = simulator.createUser({ username: 'dora', name: 'Dora Developer' })
const reporter = simulator.createUser({ username: 'rita', name: 'Rita Reporter' })
simulator.addMember(project.id, { userId: developer.id, accessLevel: 30 })
simulator.addMember(project.id, { userId: reporter.id, accessLevel: 20 })
const token = await makeToken(service, developer.id)

const tree = { name: 'tree', dataset: 'iris', results: { accuracy: 0.9 } }
const connected = await stores.projects.connect(
  {
    gitlabProjectId: project.id,
    path: 'research/iris',
    webUrl: `${simulator.url}/research/iris`,
    defaultBranch: 'main',
    visibility: 'public',
    pipelinesOpen: true,
  },
  new Date(),
)

function report(body: object, as = token) {
  return call(service, 'POST', '/api/v1/reports', { token: as, body })
}

async function standalone(name: string): Promise<string> {
  const made = await call(service, 'POST', '/api/v1/projects', { token, body: { name } })
  t.equal(made.status, 201, made.text)
  return String(made.json.id)
}

t.test('a Developer reports a model of a commit', async (t) => {
  const body = { project: 'research/iris', commit: project.head, branch: 'try', models: [tree] }

  const first = await report(body)
  const again = await report(body)

  t.equal(first.status, 202, first.text)
  t.same(again.json, first.json, 'the same report is the same model')
  const [model] = (first.json as { models: { id: string; url: string }[] }).models
  const read = await call(service, 'GET', `/api/v1/projects/${project.id}/models/${model?.id}`, { token })
  t.match(read.json, {
    origin: `token:${developer.id}`,
    commit: project.head,
    branch: 'try',
    pipeline: null,
    job: null,
  })
  const page = await service.get(new URL(model?.url ?? '').pathname + new URL(model?.url ?? '').search)
  t.equal(page.status, 200)
  t.match(page.text, 'API token')
  t.notMatch(page.text, /href="[^"]*(undefined|null)/)
  const status = await call(service, 'GET', `/api/v1/reports/${first.json.report}?wait=5`, { token })
  t.match(status.json, { models: [{ id: model?.id }], verdict: { state: 'not_compared' } })
})

t.test('it never is a baseline, and no job is asked for', async (t) => {
  const commit = project.head
  const newest = await stores.models.listNewestOfBranch(connected.id, ['main'], 10)
  const ofCommit = await stores.models.listOfCommits(connected.id, [commit])
  const stored = await stores.models.listNewest(connected.id, {}, { limit: 5, before: null })
  const [model] = stored.models

  t.same([newest, ofCommit], [[], []], 'comparisons do not read it')
  t.equal(await stores.models.findUploadAfter(connected.id, [commit], new Date(0)), null)
  t.same(await stores.models.listReportingPipelines([connected.id], new Date(0)), [])
  t.equal((await stores.jobs.count()).pending, 0)
  const disguised = {
    ...model,
    pipeline: { id: 1, source: 'push', ref: 'main', refType: 'branch', refProtected: true },
    job: { id: 1, name: 'train', status: 'success', url: null },
  } as Model
  t.notOk(
    isTrustworthy(disguised, { target: { name: 'main', former: [] }, jobSucceeded: true }),
    'its origin is not trusted',
  )
  t.notOk(isCarriable(disguised, { sourceBranch: 'main', jobSucceeded: true }))
  t.same(chooseBaselines({ candidates: [], pools: [] }), [])
})

t.test('who may not report is refused', async (t) => {
  const body = { project: 'research/iris', commit: project.head, models: [tree] }
  const nobody = simulator.createUser({ username: 'nils', name: 'Nils Nobody' })
  const closed = await service.createProject('research/closed', { visibility: 'private' })
  const readOnly = await makeToken(service, developer.id, { scope: 'read' })

  const refusals = [
    await report(body, await makeToken(service, reporter.id)),
    await report(body, readOnly),
    await report({ ...body, project: closed.id }, await makeToken(service, nobody.id)),
    await report(body, 'mlmm_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'),
    await report({ ...body, commit: undefined }),
    await report({ ...body, commit: 'main' }),
    await report({ ...body, models: [] }),
    await report({ models: [tree] }),
  ]

  t.same(
    refusals.map(({ status, json }) => `${status} ${json.code}`),
    [
      '403 ROLE_TOO_LOW',
      '403 API_TOKEN_READ_ONLY',
      '404 NOT_FOUND',
      '401 API_TOKEN_INVALID',
      '400 COMMIT_MISSING',
      '400 INVALID_BODY',
      '400 NO_MODEL',
      '400 INVALID_BODY',
    ],
  )
})

t.test('a job still cannot name a project', async (t) => {
  const base = {
    projectId: project.id,
    ref: 'main',
    sha: project.head,
    source: 'push',
    userId: maintainer.id,
  }
  const [job] = simulator.createPipeline({ ...base, jobs: [{ name: 'train' }] }).jobs

  const answer = await service.report(job?.id ?? 0, { project: 'research/other', models: [tree] })

  t.match(answer.json, { code: 'UNKNOWN_FIELD', field: 'project' })
})

t.test('in a standalone project a version stands in for the commit', async (t) => {
  const id = await standalone('versions')

  const one = await report({ project: id, models: [{ ...tree, version: '1.0' }] })
  const two = await report({ project: '~dora/versions', models: [{ ...tree, version: 2 }] })
  const none = await report({ project: '~DORA/Versions', models: [tree] })
  const noneAgain = await report({ project: id, models: [tree] })

  const answers = [one, two, none]
  t.same(
    answers.map(({ status }) => status),
    [202, 202, 202],
  )
  t.same(noneAgain.json, none.json)
  const list = await call(service, 'GET', `/api/v1/projects/${id}/models`, { token })
  const { models } = list.json as { models: { version: string; commit: null; url: string }[] }
  t.same(new Set(models.map(({ commit }) => commit)), new Set([null]))
  t.same(
    models.map(({ version }) => version.replace(/^[0-9a-f]{12}$/, 'generated')),
    ['generated', '2', '1.0'],
  )
  t.match(models[2]?.url, `${service.url}/~dora/versions/-/models/tree/iris/v-1.0?model=`)
})

t.test('files are reported like by a job', async (t) => {
  const id = await standalone('files')
  const form = new FormData()
  form.set('context', JSON.stringify({ project: id, defaults: { model: 'tree' } }))
  form.set('file', new Blob(['{"accuracy": 0.8}']), 'metrics.json')

  const response = await fetch(`${service.url}/api/v1/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: form,
  })

  t.equal(response.status, 202, await response.text())
})
