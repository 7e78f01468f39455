import t from 'tap'
import type { StoredComparison, StoredVerdict } from '../../stores/comparison-store.js'
import { eventually, startTestService, type TestProject, type TestService } from '../support/service.js'
import { model, noteSaying, openMergeRequest, push, train } from '../support/story.js'

const service = await startTestService(t)
const { simulator } = service
/** Without its worker: what is stored stays as it is. */
const resting = await startTestService(t, { worker: false })
const finished = { id: 1, state: 'finished' as const, jobsReported: 1, jobsTotal: 1, failedJobs: [] }
let stories = 0
const text = { accept: 'text/plain' }

/** What the gate job with this number is told. */
async function ask(service: TestService, jobId: number, { wait = 0, headers = {}, overrides = {} } = {}) {
  const token = service.simulator.idToken({ jobId, aud: service.url, overrides })
  return service.get(`/api/v1/gate?wait=${wait}`, { authorization: `Bearer ${token}`, ...headers })
}

interface Started {
  pipelineId: number
  train: number
  gate: number
}

function startPipeline(service: TestService, project: TestProject, mrIid: number): Started {
  const jobs = [{ name: 'train' }, { name: 'mlmm-gate', stage: '.post', status: 'created' as const }]
  const pipeline = service.simulator.createPipeline({ projectId: project.id, mrIid, jobs })
  const [first, gate] = pipeline.jobs
  return { pipelineId: pipeline.id, train: first?.id ?? 0, gate: gate?.id ?? 0 }
}

async function report(service: TestService, jobId: number, accuracy: number): Promise<void> {
  service.simulator.setJobStatus(jobId, 'running')
  const body = { job: { name: 'train', status: 'success' }, models: [model('tree', accuracy)] }
  const answer = await service.report(jobId, body)
  if (answer.status !== 202) throw new Error(answer.text)
}

/** The training ends and the gate begins, of which no webhook tells. */
function startGate({ simulator }: TestService, { train: trainId, gate }: Started): void {
  simulator.setJobStatus(gate, 'running')
  simulator.setJobStatus(trainId, 'success')
}

t.test('the gate ends within seconds of the last training job', async (t) => {
  const project = await service.createProject('gate/usual')
  await train(service, project, [model('tree', 0.5)])
  const mr = await openMergeRequest(service, project, 'tune')
  const started = startPipeline(service, project, mr.iid)
  await report(service, started.train, 0.7)

  const early = await ask(service, started.gate, { headers: text })
  simulator.setJobStatus(started.gate, 'running')
  const asked = ask(service, started.gate, { wait: 30, headers: text })
  const trainedAt = performance.now()
  simulator.setJobStatus(started.train, 'success')
  const answer = await asked

  t.equal(early.status, 200)
  t.match(early.text, /^gate pending\nWaiting: .+\.\n$/)
  t.match(answer.text, /^gate passed\nModel results: 1 better/)
  t.match(answer.text, /\nNote: .*\/merge_requests\/1\n$/)
  t.ok(performance.now() - trainedAt < 15_000, `${performance.now() - trainedAt} ms`)
  await noteSaying(service, project, mr.iid, /finished/)
})

t.test('a gate that comes last is answered with few calls of GitLab', async (t) => {
  const project = await service.createProject('gate/last')
  const mr = await openMergeRequest(service, project, 'tune')
  const started = startPipeline(service, project, mr.iid)
  await report(service, started.train, 0.7)
  await noteSaying(service, project, mr.iid, /70\.0/)
  startGate(service, started)
  simulator.clearCalls()

  const answer = await ask(service, started.gate, { wait: 20 })

  t.match(answer.json, { state: 'passed', links: { merge_requests: [/merge_requests\/1$/] } })
  t.match(answer.json.summary, /first report/)
  t.ok(simulator.calls.length <= 6, simulator.calls.map(({ route }) => route).join(' '))
})

t.test('a training job that was started again is waited for', async (t) => {
  const project = await service.createProject('gate/again')
  const mr = await openMergeRequest(service, project, 'tune')
  const started = startPipeline(service, project, mr.iid)
  await report(service, started.train, 0.7)
  startGate(service, started)
  await ask(service, started.gate, { wait: 20 })
  simulator.setJobStatus(started.gate, 'success')
  await eventually('an old look', async () => {
    const connected = await service.stores.projects.findByGitLabId(project.id)
    const row = await service.stores.pipelines.find(connected?.id ?? '', started.pipelineId)
    return row && Date.now() - row.checkedAt.getTime() > 1_100
  })

  const second = simulator.retryJob(started.train).id
  const gate = simulator.retryJob(started.gate).id
  simulator.setJobStatus(gate, 'running')
  const meanwhile = await ask(service, gate, { wait: 2 })
  await report(service, second, 0.8)
  simulator.setJobStatus(second, 'success')
  const answer = await ask(service, gate, { wait: 30 })

  t.match(meanwhile.json, { state: 'pending', summary: '1 job of this pipeline still to end' })
  t.equal(answer.json.state, 'passed')
  t.match(answer.json.lines, [/.*/, /80\.0%/])
})

t.test('nothing is judged where there is no merge request, or nothing was reported', async (t) => {
  const project = await service.createProject('gate/none')
  const base = { projectId: project.id, sha: project.head, ref: 'main', source: 'push' }
  const jobs = [{ name: 'mlmm-gate', status: 'running' as const }]
  const onMain = simulator.createPipeline({ ...base, jobs })
  const mr = await openMergeRequest(service, project, 'tune')
  const alone = simulator.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs })

  const main = await ask(service, onMain.jobs[0]?.id ?? 0, { wait: 20, headers: text })
  const silent = await ask(service, alone.jobs[0]?.id ?? 0, { wait: 20 })

  t.equal(
    main.text,
    `gate none\nNothing to judge: no open merge request for this pipeline.\n${service.url}/gate/none\n`,
  )
  t.match(silent.json, { state: 'none', summary: 'no result was reported for the merge request' })
})

t.test('tags and forks are not judged', async (t) => {
  const project = await service.createProject('gate/others')
  const mr = await openMergeRequest(service, project, 'tune')
  const { gate } = startPipeline(service, project, mr.iid)

  const tag = await ask(service, gate, { overrides: { ref_type: 'tag', ref: 'v1' } })
  const fork = await ask(service, gate, { overrides: { project_id: '987' } })

  t.match(tag.json, { state: 'none', summary: 'tags have no merge request' })
  t.match(fork.json, { state: 'none', summary: 'merge requests from forks are not judged' })
})

t.test('the pipeline of an older commit has nothing to judge', async (t) => {
  const project = await service.createProject('gate/older')
  const mr = await openMergeRequest(service, project, 'tune')
  const old = startPipeline(service, project, mr.iid)
  await report(service, old.train, 0.2)
  await noteSaying(service, project, mr.iid, /20\.0/)
  await push(service, project, 'tune')
  const next = startPipeline(service, project, mr.iid)
  await report(service, next.train, 0.7)
  await noteSaying(service, project, mr.iid, /70\.0/)

  startGate(service, old)
  const answer = await ask(service, old.gate, { wait: 30 })

  t.match(answer.json, { state: 'none', summary: 'the merge request was not compared at this commit' })
})

t.test('a question without a token or with other parameters is refused', async (t) => {
  const project = await service.createProject('gate/refused')
  const mr = await openMergeRequest(service, project, 'tune')
  const { gate } = startPipeline(service, project, mr.iid)

  t.match(await service.get('/api/v1/gate'), { status: 401, json: { code: 'ID_TOKEN_MISSING' } })
  t.match(await ask(service, gate, { wait: 31 }), { status: 400, json: { code: 'INVALID_QUERY' } })
})

t.test('the worst verdict of all merge requests of a branch counts', async (t) => {
  for (const [states, expected] of [
    [['pass', 'fail', 'warn'], 'failed'],
    [['warn', 'pass'], 'warned'],
    [['pass', null], 'passed'],
  ] as const) {
    const { gate } = await storeJudged(states)

    const answer = await ask(resting, gate, { headers: text })

    const told = states.map(
      (state, index) =>
        `Merge request !${index + 1}:\nlines of ${state}\nNote: https://git.example.com/-/merge_requests/${index + 1}\n`,
    )
    t.equal(answer.text, `gate ${expected}\n${told.join('')}`)
    t.match((await ask(resting, gate)).json, {
      state: expected,
      summary: states.map((state) => `summary of ${state}`).join('; '),
      links: { merge_requests: states.map((_, i) => `https://git.example.com/-/merge_requests/${i + 1}`) },
    })
  }
})

t.test('one merge request needs no heading', async (t) => {
  const { gate } = await storeJudged(['fail'])

  t.equal(
    (await ask(resting, gate, { headers: text })).text,
    'gate failed\nlines of fail\nNote: https://git.example.com/-/merge_requests/1\n',
  )
})

t.test('an earlier verdict is not taken for the last one', async (t) => {
  const changes: [string, Partial<StoredComparison>][] = [
    ['judged before the end was seen', { judgedAt: new Date(Date.now() - 60_000) }],
    ['judged while jobs ran', { pipeline: { ...finished, state: 'running' } }],
  ]
  for (const [what, change] of changes) {
    const { gate, projectId } = await storeJudged(['fail'], change)
    await resting.stores.jobs.enqueue([{ key: `note:${projectId}:1`, delayMs: 0, promiseMs: null }])

    const { json } = await ask(resting, gate)

    t.match(json, { state: 'pending', summary: 'the comparison is being made' }, what)
  }
})

t.test('a pipeline that nobody has looked at lately is looked at first', async (t) => {
  const checkedAt = new Date(Date.now() - 60_000)
  const { gate, projectId, pipelineId } = await storeJudged(['fail'], {}, { checkedAt })

  const { json } = await ask(resting, gate)

  t.match(json, { state: 'pending', summary: 'GitLab is asked about this pipeline' })
  const pipeline = await resting.stores.pipelines.find(projectId, pipelineId)
  t.ok(pipeline?.heardAt && pipeline.heardAt > pipeline.checkedAt)
  t.ok(
    await resting.stores.jobs.isUnderWay({
      keys: [`pipeline:${projectId}:${pipelineId}`],
      looks: '',
      withinMs: 0,
    }),
  )
})

t.test('another running pipeline of the same commit is waited for', async (t) => {
  const judged = { pipeline: { ...finished, state: 'running' as const } }
  const { gate, projectId, headSha } = await storeJudged(['fail'], judged)
  const other = { pipelineId: 999_999, ended: false }
  await resting.stores.pipelines.save({ ...pipelineRow(projectId, headSha, []), ...other })

  t.match((await ask(resting, gate)).json, {
    state: 'pending',
    summary: 'another pipeline of this commit is still running',
  })
})

/** An ended pipeline whose merge requests have these verdicts; null: judged before there were any. */
async function storeJudged(
  verdicts: readonly (StoredVerdict['state'] | null)[],
  change: Partial<StoredComparison> = {},
  pipelineChange: { checkedAt?: Date } = {},
) {
  stories += 1
  const project = await resting.createProject(`gate/stored-${stories}`)
  const jobs = [{ name: 'mlmm-gate', status: 'running' as const }]
  const base = { projectId: project.id, sha: project.head, ref: 'tune', source: 'push' }
  const pipeline = resting.simulator.createPipeline({ ...base, jobs })
  const gate = pipeline.jobs[0]?.id ?? 0
  // Connects the project and asks for nothing else.
  await ask(resting, gate, { overrides: { ref_type: 'tag' } })
  const connected = await resting.stores.projects.findByGitLabId(project.id)
  const projectId = connected?.id ?? ''
  const mrIids = verdicts.map((_, index) => index + 1)
  await resting.stores.pipelines.save({
    ...pipelineRow(projectId, project.head, mrIids),
    pipelineId: pipeline.id,
    ...pipelineChange,
  })
  for (const [index, state] of verdicts.entries()) {
    const stored = comparison(projectId, project.head, index + 1, state)
    await resting.stores.comparisons.save({ ...stored, ...change })
  }
  return { gate, projectId, pipelineId: pipeline.id, headSha: project.head }
}

function pipelineRow(projectId: string, sha: string, mrIids: number[]) {
  // Later than any question of these tests.
  const at = new Date(Date.now() + 60_000)
  return {
    projectId,
    pipelineId: 1,
    sha,
    headSha: sha,
    targetSha: null,
    ref: 'tune',
    kind: 'branch' as const,
    source: 'push',
    status: 'running',
    webUrl: 'https://git.example.com/-/pipelines/1',
    mrIids,
    ended: true,
    jobs: [{ id: 1, name: 'train', status: 'success', allowFailure: false }],
    expected: null,
    asksExpected: false,
    rootId: null,
    firstSeenAt: at,
    checkedAt: at,
  }
}

function comparison(
  projectId: string,
  headSha: string,
  mrIid: number,
  state: StoredVerdict['state'] | null,
): StoredComparison {
  return {
    projectId,
    mrIid,
    mrState: 'opened',
    mrUrl: `https://git.example.com/-/merge_requests/${mrIid}`,
    sourceBranch: 'tune',
    targetBranch: 'main',
    baseSha: headSha,
    commitsBehind: 0,
    headSha,
    previousHeadSha: null,
    jobIds: [],
    summary: `summary of ${state}`,
    lines: [`lines of ${state}`],
    table: { columns: [], rows: [], rowsTotal: 0 },
    pipeline: finished,
    ...(state === null ? {} : { verdict: { state, broken: [] } }),
    judgedAt: new Date(Date.now() + 61_000),
  }
}
