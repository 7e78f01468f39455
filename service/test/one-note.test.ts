import t from 'tap'
import { eventually, startTestService } from './support/service.js'
import { model, noteSaying, openMergeRequest, push, train, trainMergeRequest } from './support/story.js'

const service = await startTestService(t)
const { simulator } = service

t.test('a pipeline trains, one note appears; a second push edits it', async (t) => {
  const project = await service.createProject('research/iris')
  await train(service, project, [model('tree', 0.9), model('knn', 0.8)])
  const mr = await openMergeRequest(service, project, 'tune')

  const { reportId } = await trainMergeRequest(service, project, mr.iid, [
    model('tree', 0.95, 0.5),
    model('knn', 0.7),
  ])
  const note = await noteSaying(service, project, mr.iid, /finished/)

  t.match(note.body, /1 worse, 1 better/)
  t.match(note.body, `/-/commits/${project.head}`)
  t.match(note.body, '(−10.0&nbsp;pp)')
  const judged = await service.get(`/api/v1/reports/${reportId}?wait=5`, { accept: 'text/plain' })
  t.match(judged.text, /1 worse, 1 better/)

  await push(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.97, 0.5), model('knn', 0.85)])
  const edited = await noteSaying(service, project, mr.iid, /2 better[^]*finished/)

  t.equal(edited.id, note.id)
  t.match(edited.body, /Since the last push/)
  t.same(simulator.effects, [])
})

t.test('a branch pipeline writes to the open merge request of its branch', async (t) => {
  const project = await service.createProject('research/branch')
  const mr = await openMergeRequest(service, project, 'tune')

  await train(service, project, [model('tree', 0.9)], { branch: 'tune', sha: mr.sha ?? '' })

  t.match((await noteSaying(service, project, mr.iid, /finished/)).body, /first report/)
})

t.test('a merge request that is opened after its branch was trained gets its note', async (t) => {
  const project = await service.createProject('research/later')
  const sha = await push(service, project, 'tune')
  await train(service, project, [model('tree', 0.9)], { branch: 'tune', sha })

  const mr = await openMergeRequestOf('tune', project.id)

  await noteSaying(service, project, mr.iid, /first report/)
  t.pass()
})

function openMergeRequestOf(sourceBranch: string, projectId: number) {
  const userId = service.maintainer.id
  return simulator.createMergeRequest({
    projectId,
    sourceBranch,
    targetBranch: 'main',
    title: 'Later',
    userId,
  })
}

t.test('a job that failed is named in the note', async (t) => {
  const project = await service.createProject('research/failing')
  const mr = await openMergeRequest(service, project, 'tune')
  const jobs = [{ name: 'train: [tree]' }, { name: 'train: [knn]' }]
  const pipeline = simulator.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs })
  const [good = 0, bad = 0] = pipeline.jobs.map((job) => job.id)

  await service.report(good, {
    job: { name: 'train: [tree]', status: 'success' },
    models: [model('tree', 0.9)],
  })
  await service.report(bad, { job: { name: 'train: [knn]', status: 'failed' } })
  simulator.setJobStatus(good, 'success')
  simulator.setJobStatus(bad, 'failed')

  const note = await noteSaying(service, project, mr.iid, /finished/)
  t.match(note.body, /1 training job failed/)
  t.match(note.body, `/-/jobs/${bad}`)
})

t.test('a training job that was cancelled before it could report is named in the note', async (t) => {
  const project = await service.createProject('research/cancelled')
  await train(service, project, [model('knn', 0.8)])
  const mr = await openMergeRequest(service, project, 'tune')
  const jobs = [{ name: 'train-tree' }, { name: 'train' }]
  const pipeline = simulator.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs })
  const [good = 0, cancelled = 0] = pipeline.jobs.map((job) => job.id)
  await service.report(good, { job: { name: 'train-tree', status: 'success' }, models: [model('tree', 0.9)] })

  simulator.setJobStatus(good, 'success')
  simulator.setJobStatus(cancelled, 'canceled')

  const note = await noteSaying(service, project, mr.iid, /finished/)
  t.match(note.body, /1 training job cancelled/)
  t.match(note.body, `/-/jobs/${cancelled}`)
})

t.test('a note that a person deleted is made once more', async (t) => {
  const project = await service.createProject('research/deleted')
  const mr = await openMergeRequest(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  const first = await noteSaying(service, project, mr.iid, /finished/)
  await fetch(`${simulator.url}/api/v4/projects/${project.id}/merge_requests/${mr.iid}/notes/${first.id}`, {
    method: 'DELETE',
    headers: { 'private-token': service.maintainer.token },
  })
  t.equal(simulator.listNotes(project.id, mr.iid).length, 0)

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])

  const second = await noteSaying(service, project, mr.iid, /80\.0/)
  t.not(second.id, first.id)
})

const lost: [title: string, fault: object][] = [
  [
    'answered 502 after it took effect',
    { answerAfterEffect: { status: 502, body: '<html>Bad Gateway</html>' } },
  ],
  ['cut after it took effect', { cutAfterEffect: true }],
  ['answered 502 without effect', { status: 502, body: '<html>Bad Gateway</html>' }],
]
for (const [index, [title, fault]] of lost.entries()) {
  t.test(`the POST of the note is ${title}: still one note`, async (t) => {
    const project = await service.createProject(`research/lost-${index}`)
    const mr = await openMergeRequest(service, project, 'tune')
    const route = new RegExp(`/projects/${project.id}/merge_requests/${mr.iid}/notes$`)
    simulator.faults.add({ method: 'POST', route, times: 1, ...fault })
    simulator.clearCalls()

    await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])

    await noteSaying(service, project, mr.iid, /finished/)
    const posts = simulator.calls.filter((call) => call.method === 'POST' && route.test(call.path))
    t.ok(posts.length <= 2, `${posts.length} POSTs`)
  })
}

t.test('GitLab asks for patience: the report is stored, the note comes when it may', async (t) => {
  const project = await service.createProject('research/limited')
  const mr = await openMergeRequest(service, project, 'tune')
  const route = new RegExp(`/projects/${project.id}/merge_requests/${mr.iid}$`)
  simulator.faults.add({
    method: 'GET',
    route,
    times: 1,
    status: 429,
    body: 'Retry later',
    headers: { 'retry-after': '2' },
  })

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])

  await noteSaying(service, project, mr.iid, /finished/)
  t.pass()
})

t.test('the webhook is registered once, and only what is authentic is acted upon', async (t) => {
  const project = await service.createProject('research/hooked')
  const other = await service.createProject('research/other')
  await train(service, project, [model('tree', 0.9)])
  await train(service, other, [model('tree', 0.9)])
  const [hook] = await eventually('the hook', () =>
    hooksOf(project.id).length > 0 ? hooksOf(project.id) : null,
  )
  const [otherHook] = await eventually('the other hook', () =>
    hooksOf(other.id).length > 0 ? hooksOf(other.id) : null,
  )
  const event = (body: object, token?: string) =>
    fetch(`${service.url}/webhooks/gitlab`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token !== undefined && { 'x-gitlab-token': token }),
      },
      body: JSON.stringify(body),
    }).then((answer) => answer.status)
  const payload = { object_kind: 'pipeline', project: { id: project.id }, object_attributes: { id: 1 } }

  t.equal(hooksOf(project.id).length, 1)
  t.equal(
    hook?.url,
    `${service.url}/webhooks/gitlab/${(await service.stores.projects.findByGitLabId(project.id))?.id}`,
  )
  t.equal(await event(payload, hook?.token ?? ''), 200)
  t.equal(await event({ object_kind: 'issue', project: { id: project.id } }, hook?.token ?? ''), 200)
  t.equal(await event({ object_kind: 'pipeline', project: { id: project.id } }, hook?.token ?? ''), 200)
  t.equal(await event(payload), 401)
  t.equal(await event(payload, ''), 401)
  t.equal(await event(payload, 'wrong'), 401)
  t.equal(await event(payload, otherHook?.token ?? ''), 401)
  t.equal(await event({ object_kind: 'pipeline', project: { id: 999_999 } }, hook?.token ?? ''), 401)
  t.equal(await event([], hook?.token ?? ''), 200, 'authentic, though it says nothing')
})

function hooksOf(projectId: number) {
  return [...simulator.state.hooks.values()].filter((hook) => hook.projectId === projectId)
}
