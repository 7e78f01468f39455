import t from 'tap'
import { parse } from 'yaml'

import { startSimulator, type Simulator } from '../simulator.js'
import { call } from './helper.js'

interface Lint {
  valid: boolean
  errors: string[]
  merged_yaml: string | null
  jobs?: { name: string; stage: string; when: string }[]
}

const config = `
include: [{local: ci/deploy.yml}]
stages: [deploy, train]
default: {id_tokens: {MLMM_TOKEN: {aud: "https://mlmm.example.com"}}}
.base: {script: [./train]}
train:
  extends: .base
  stage: train
  parallel: {matrix: [{MODEL: [a, b]}]}
  rules: [{if: '$CI_PIPELINE_SOURCE == "merge_request_event"'}]
kids: {stage: train, trigger: {include: ci/deploy.yml}}
`
const files = { '.gitlab-ci.yml': config, 'ci/deploy.yml': 'deploy: {stage: deploy, script: [./deploy]}' }

async function begin(gitlab: Simulator) {
  const ada = gitlab.createUser({ username: 'ada' })
  const guest = gitlab.createUser({ username: 'guest' })
  const members = [
    { userId: ada.id, accessLevel: 40 },
    { userId: guest.id, accessLevel: 10 },
  ]
  const project = await gitlab.createProject({ path: 'research/iris', members })
  const push = (branch: string, changed: Record<string, string>, projectId = project.id) =>
    gitlab.pushFiles({ projectId, branch, files: changed, userId: ada.id, startBranch: 'main' })
  const lint = (query: string, token = ada.token, projectId = project.id) =>
    call(gitlab, token, 'GET', `/projects/${projectId}/ci/lint?${query}`)
  return { guest, push, lint, members }
}

const gitlab = await startSimulator()
t.teardown(() => gitlab.close())
const { guest, push, lint, members } = await begin(gitlab)
const empty = await lint('')
const without = await push('main', { a: 'a' })
const head = await push('feature', files)
const broken = await push('broken', { '.gitlab-ci.yml': 'train: {stage: nowhere, script: x}' })

t.test('a static check lists all jobs, and what the configuration merges to', async (t) => {
  const answer = await lint(`sha=${head}&include_jobs=true`)

  const { valid, jobs, merged_yaml: merged } = answer.json as Lint
  const document = parse(merged ?? '') as Record<string, unknown>
  t.equal(valid, true)
  t.same(
    jobs?.map(({ name, stage, when }) => [name, stage, when]),
    [
      ['deploy', 'deploy', 'on_success'],
      ['train: [a]', 'train', 'on_success'],
      ['train: [b]', 'train', 'on_success'],
      ['kids', 'train', 'on_success'],
    ],
  )
  t.match(document, {
    default: { id_tokens: { MLMM_TOKEN: { aud: 'https://mlmm.example.com' } } },
    train: { script: ['./train'], parallel: { matrix: [{ MODEL: ['a', 'b'] }] } },
    deploy: { script: ['./deploy'] },
  })
  t.notOk('include' in document)
  t.notOk('jobs' in ((await lint(`content_ref=${head}`)).json as Lint))
})

t.test('a dry run lists the jobs of a push', async (t) => {
  const answer = await lint(`sha=${head}&include_jobs=true&dry_run=true&ref=feature`)
  const nowhere = await lint(`sha=${head}&dry_run=true&ref=none`)

  t.same(
    (answer.json as Lint).jobs?.map(({ name }) => name),
    ['deploy', 'kids'],
  )
  t.match(nowhere.json, { valid: false, errors: ['Reference not found'], merged_yaml: null })
})

t.test('what is wrong is said', async (t) => {
  t.match((await lint(`content_ref=${broken}&include_jobs=true`)).json, {
    valid: false,
    errors: [/nowhere/],
    jobs: [],
  })
  t.match((await lint(`content_ref=${without}`)).json, {
    valid: false,
    errors: ['Please provide content of .gitlab-ci.yml'],
    merged_yaml: null,
  })
})

t.test('requests are refused as GitLab words it', async (t) => {
  const hidden = await gitlab.createProject({ path: 'research/hidden', members: members.slice(0, 1) })

  t.match(empty, { status: 404, json: { message: '404 Repository Not Found' } })
  t.match(await lint('sha=none'), { status: 404, json: { message: '404 Commit Not Found' } })
  t.match(await lint(`sha=${head}&content_ref=${head}`), {
    status: 400,
    json: { error: 'sha, content_ref are mutually exclusive' },
  })
  t.match(await lint('', guest.token), { status: 403 })
  t.match(await lint('', guest.token, hidden.id), { status: 404 })
})

t.test('before 16.5 the answer is about the default branch, whatever is asked', async (t) => {
  const old = await startSimulator({ version: '16.0' })
  t.teardown(() => old.close())
  const story = await begin(old)
  await story.push('main', { a: 'a' })
  const sha = await story.push('feature', files)

  t.match((await story.lint(`sha=${sha}`)).json, {
    valid: false,
    errors: ['Please provide content of .gitlab-ci.yml'],
  })
})
