import { createRemoteJWKSet, jwtVerify } from 'jose'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname } from 'node:path'
import t from 'tap'

import { startSimulator } from '../simulator.js'
import type { Job, Pipeline } from '../state.js'
import { call } from './helper.js'

const gitlab = await startSimulator({ runner: true, prepareDelayMs: 5 })
t.teardown(() => gitlab.close())
const ada = gitlab.createUser({ username: 'ada', name: 'Ada' })

const received: string[] = []
const receiver = createServer((request, reply) => {
  received.push(request.headers.authorization ?? '')
  reply.end()
})
await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
t.teardown(() => receiver.close())
const address = receiver.address()
const aud = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`

async function pushFiles(
  projectId: number,
  branch: string,
  files: Record<string, string>,
  message = 'Change',
) {
  await gitlab.pushFiles({ projectId, branch, files, message, userId: ada.id, startBranch: 'main' })
}

async function projectWith(
  path: string,
  files: Record<string, string>,
  options: { merged?: boolean; skip?: boolean },
) {
  const members = [{ userId: ada.id, accessLevel: 40 }]
  const project = await gitlab.createProject({ path, members, mergedResults: options.merged === true })
  await pushFiles(project.id, 'main', files, options.skip === true ? 'Begin [skip ci]' : 'Begin')
  return project
}

async function openRequest(projectId: number, sourceProjectId = projectId) {
  await pushFiles(sourceProjectId, 'feature', { x: '1' })
  const mr = await gitlab.createMergeRequest({
    projectId,
    sourceProjectId,
    sourceBranch: 'feature',
    targetBranch: 'main',
    title: 'Try',
    userId: ada.id,
  })
  await gitlab.settled()
  return mr
}

function pipelinesOf(projectId: number): Pipeline[] {
  return [...gitlab.state.pipelines.values()].filter((pipeline) => pipeline.projectId === projectId)
}

function jobsOf(pipeline: Pipeline | undefined): Job[] {
  return [...gitlab.state.jobs.values()].filter((job) => job.pipelineId === pipeline?.id)
}

t.test('a push runs its jobs in order, with artifacts and tokens that verify', async (t) => {
  const config = `
stages: [train, check]
train:
  stage: train
  id_tokens: {TOKEN: {aud: "${aud}"}}
  parallel: {matrix: [{MODEL: [a, b]}]}
  script:
    - 'curl -sf -H "Authorization: Bearer $TOKEN" ${aud}/'
    - echo "model $MODEL" > out-$MODEL.txt
  artifacts: {paths: [out-*.txt]}
check:
  stage: check
  script: [cat out-a.txt out-b.txt]
`
  const project = await projectWith('research/iris', { '.gitlab-ci.yml': config }, {})
  await gitlab.settled()

  const [pipeline, ...others] = pipelinesOf(project.id)
  const keys = createRemoteJWKSet(new URL(`${gitlab.url}/oauth/discovery/keys`))
  const token = await jwtVerify(received[0]?.slice(7) ?? '', keys, { audience: aud, issuer: gitlab.url })
  t.same(others, [])
  t.match(pipeline, { status: 'success', source: 'push', ref: 'main' })
  t.same(
    jobsOf(pipeline).map((job) => job.name),
    ['train: [a]', 'train: [b]', 'check'],
  )
  t.match(jobsOf(pipeline)[2]?.trace, /model a\s+model b/)
  t.match(token.payload, { project_id: String(project.id), sha: pipeline?.sha, pipeline_source: 'push' })
})

const always = `
train:
  script: ['echo "source $CI_MERGE_REQUEST_SOURCE_BRANCH_SHA mr $CI_MERGE_REQUEST_IID branch $CI_COMMIT_BRANCH"']
  rules: [{when: always}]
`

t.test('without workflow rules a branch and its merge request both run, again after a push', async (t) => {
  const project = await projectWith('research/both', { '.gitlab-ci.yml': always }, { skip: true })
  const mr = await openRequest(project.id)
  await pushFiles(project.id, 'feature', { x: '2' })
  await gitlab.settled()

  const found = pipelinesOf(project.id)
  const shown = await call(gitlab, ada.token, 'GET', `/projects/${project.id}/merge_requests/${mr.iid}`)
  t.same(found.map(({ source, ref }) => `${source} ${ref}`).toSorted(), [
    'merge_request_event refs/merge-requests/1/head',
    'merge_request_event refs/merge-requests/1/head',
    'push feature',
    'push feature',
  ])
  const last = found.filter((pipeline) => pipeline.mrId === mr.id).at(-1)
  t.match(last, { sha: mr.sha, sourceSha: null, status: 'success' })
  t.match(shown.json, { head_pipeline: { id: last?.id, status: 'success' } })
  t.match(jobsOf(last)[0]?.trace, /source {2}mr 1 branch $/m)
})

const requestsOnly = `
workflow: {rules: [{if: '$CI_PIPELINE_SOURCE == "merge_request_event"'}]}
${always}`

t.test('merged results run on a commit that is in no branch', async (t) => {
  const files = { '.gitlab-ci.yml': requestsOnly }
  const project = await projectWith('research/merged', files, { skip: true, merged: true })
  const mr = await openRequest(project.id)

  const [pipeline, ...others] = pipelinesOf(project.id)
  const commit = await call(
    gitlab,
    ada.token,
    'GET',
    `/projects/${project.id}/repository/commits/${pipeline?.sha}`,
  )
  t.same(others, [])
  t.match(pipeline, { ref: 'refs/merge-requests/1/merge', sourceSha: mr.sha, status: 'success' })
  t.not(pipeline?.sha, mr.sha)
  t.match(commit.json, { parent_ids: [pipeline?.targetSha, mr.sha] })
  t.match(jobsOf(pipeline)[0]?.trace, `source ${mr.sha} mr 1`)
})

t.test('a fork runs the pipeline itself, its parent when a member asks', async (t) => {
  const project = await projectWith('research/parent', { '.gitlab-ci.yml': requestsOnly }, { skip: true })
  const members = [{ userId: ada.id, accessLevel: 40 }]
  const fork = await gitlab.createProject({ path: 'ada/parent', forkedFrom: project.id, members })
  await openRequest(project.id, fork.id)

  t.same(pipelinesOf(project.id), [])
  t.match(pipelinesOf(fork.id), [{ ref: 'feature', source: 'merge_request_event', status: 'success' }])

  const asked = await call(gitlab, ada.token, 'POST', `/projects/${project.id}/merge_requests/1/pipelines`)
  t.match(asked, { status: 201, json: { project_id: project.id, ref: 'refs/merge-requests/1/head' } })
  await gitlab.settled()
  t.match(pipelinesOf(project.id), [{ status: 'success' }])
})

t.test('a job that fails can be tried again, with what was skipped after it', async (t) => {
  const config = `
stages: [build, test]
once: {stage: build, script: ['false']}
after: {stage: test, script: [echo hi]}
`
  const project = await projectWith('research/retry', { '.gitlab-ci.yml': config }, {})
  await gitlab.settled()
  const [failed, skipped] = jobsOf(pipelinesOf(project.id)[0])
  t.match(failed, { status: 'failed', failureReason: 'script_failure' })
  t.equal(skipped?.status, 'skipped')
  if (failed?.compiled != null) failed.compiled.script = ['true']

  const answer = await call(gitlab, ada.token, 'POST', `/projects/${project.id}/jobs/${failed?.id}/retry`)
  await gitlab.settled()

  t.equal(answer.status, 201)
  t.equal(failed?.retried, true)
  t.match(gitlab.state.jobs.get((answer.json as { id: number }).id), { name: 'once', status: 'success' })
  t.equal(skipped?.status, 'success')
  t.equal(pipelinesOf(project.id)[0]?.status, 'success')
})

t.test('a running job is cancelled and still cleans up', async (t) => {
  const sleeper = 'sleep:\n  script: [echo started, sleep 60]\n  after_script: [echo cleaned up]\n'
  const project = await projectWith('research/sleep', { '.gitlab-ci.yml': sleeper }, {})
  const job = await until(() =>
    jobsOf(pipelinesOf(project.id)[0]).find((one) => /^started$/m.test(one.trace)),
  )

  await call(gitlab, ada.token, 'POST', `/projects/${project.id}/pipelines/${job.pipelineId}/cancel`)
  await gitlab.settled()

  t.equal(job.status, 'canceled')
  t.match(job.trace, /^cleaned up$/m)
  t.equal(pipelinesOf(project.id)[0]?.status, 'canceled')
})

t.test('a broken configuration makes a failed pipeline, no configuration none', async (t) => {
  const broken = await projectWith(
    'research/broken',
    { '.gitlab-ci.yml': 'train: {stage: nowhere, script: x}' },
    {},
  )
  const without = await projectWith('research/without', { a: 'a' }, {})
  await gitlab.settled()

  t.match(pipelinesOf(broken.id), [{ status: 'failed', yamlErrors: /nowhere/ }])
  t.same(pipelinesOf(without.id), [])
})

t.test('closing ends running jobs and leaves no folder', async (t) => {
  const other = await startSimulator({ runner: true })
  const bob = other.createUser({ username: 'bob' })
  const members = [{ userId: bob.id, accessLevel: 40 }]
  const project = await other.createProject({ path: 'research/open', members })
  const files = { '.gitlab-ci.yml': 'wait: {script: [echo "pid $$", sleep 60]}' }
  await other.pushFiles({ projectId: project.id, branch: 'main', files, userId: bob.id })
  const pid = await until(() => {
    const [job] = other.state.jobs.values()
    return /^pid (\d+)$/m.exec(job?.trace ?? '')?.[1]
  })

  await other.close()

  t.notOk(existsSync(dirname(project.gitDir)))
  t.throws(() => process.kill(Number(pid), 0), { code: 'ESRCH' })
})

async function until<T>(look: () => T | undefined): Promise<T> {
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
