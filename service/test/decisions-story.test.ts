import t from 'tap'
import { call, makeToken } from './support/people.js'
import { eventually, startTestService } from './support/service.js'
import { model, noteSaying, openMergeRequest, push, train, trainMergeRequest } from './support/story.js'

const service = await startTestService(t)
const { simulator, stores, maintainer } = service
const token = await makeToken(service, maintainer.id)

async function projectWithGate(path: string) {
  const project = await service.createProject(path)
  const head = await simulator.pushFiles({
    projectId: project.id,
    userId: maintainer.id,
    branch: 'main',
    files: { '.mlmm.yml': 'results:\n  accuracy: {better: higher, fail: {worse_by: 1pp}}\n' },
  })
  await simulator.settled()
  await train(service, { ...project, head }, [model('tree', 0.9)])
  return { ...project, head }
}

/** The newest commit status of a pipeline, once it is that. */
async function statusIs(pipelineId: number, wanted: string): Promise<void> {
  await eventually(`the commit status ${wanted}`, () => {
    const own = [...simulator.state.jobs.values()].filter(
      (job) => job.pipelineId === pipelineId && job.name === 'mlmm',
    )
    return own.at(-1)?.status === wanted
  })
}

t.test('a broken rule is accepted for one head, and broken again at the next', async (t) => {
  const project = await projectWithGate('research/gated')
  const mr = await openMergeRequest(service, project, 'smaller')
  const { pipeline } = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])
  const note = await noteSaying(service, project, mr.iid, /accept/)
  t.notMatch(note.body, /accepted by/i)
  await statusIs(pipeline.id, 'failed')

  const path = `/api/v1/projects/${project.id}/merge_requests/${mr.iid}/acceptance`
  const verdict = await eventually('the broken rule', async () => {
    const { json } = await call(service, 'GET', path, { token })
    return (json.broken as unknown[] | undefined)?.length === 1 && json
  })
  const body = { reason: 'Half the size', head_sha: verdict.head_sha }
  const answer = await call(service, 'POST', path, { token, body })
  t.equal(answer.status, 201, answer.text)
  await noteSaying(service, project, mr.iid, /accepted by[^]*maya[^]*size/i)
  await statusIs(pipeline.id, 'success')

  await push(service, project, 'smaller')
  const next = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])
  const again = await noteSaying(service, project, mr.iid, /^(?![^]*accepted by)/i)
  t.match(again.body, /accept/)
  await statusIs(next.pipeline.id, 'failed')
})

t.test('without its excluded baseline a model has nothing to be compared with', async (t) => {
  const project = await projectWithGate('research/wrong-split')
  const mr = await openMergeRequest(service, project, 'honest')
  const { pipeline } = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])
  const note = await noteSaying(service, project, mr.iid, /worse/)
  const connected = await stores.projects.findByGitLabId(project.id)
  const [baseline] = await stores.models.listOfCommits(connected?.id ?? '', [project.head])
  const path = `/api/v1/projects/${project.id}/models/${baseline?.id}/exclusion`

  const answer = await call(service, 'POST', path, { token, body: { reason: 'Wrong split' } })

  t.equal(answer.status, 201, answer.text)
  await noteSaying(service, project, mr.iid, /^(?![^]*worse)/)
  t.equal((await call(service, 'DELETE', path, { token })).status, 200)
  const back = await noteSaying(service, project, mr.iid, /worse/)
  t.equal(back.body, note.body)
  // Its webhook must not meet a service that closes.
  await statusIs(pipeline.id, 'failed')
  await simulator.settled()
})

t.test(
  'a model that is excluded here passes no gate unless a maintainer accepts that, and may be included again',
  async (t) => {
    const project = await projectWithGate('research/wrong-data')
    const mr = await openMergeRequest(service, project, 'leaky')
    const models = [model('tree', 0.8), model('knn', 0.7)]
    const { pipeline } = await trainMergeRequest(service, project, mr.iid, models)
    const note = await noteSaying(service, project, mr.iid, /gate failed, 1 rule broken[^]*finished/)
    await statusIs(pipeline.id, 'failed')
    const connected = await stores.projects.findByGitLabId(project.id)
    const found = await stores.models.listOfCommits(connected?.id ?? '', [pipeline.sha])
    const tree = found.find(({ name }) => name === 'tree')
    const path = `/api/v1/projects/${project.id}/models/${tree?.id}/exclusion`

    const answer = await call(service, 'POST', path, { token, body: { reason: 'Trained on the test set' } })

    t.equal(answer.status, 201, answer.text)
    const without = await noteSaying(service, project, mr.iid, /excluded, so its rules are not checked/)
    t.equal(without.id, note.id)
    t.match(without.body, /maya[^\n]*test set/)
    t.notMatch(without.body, /missing|80\.0/)
    const accept = `/api/v1/projects/${project.id}/merge_requests/${mr.iid}/acceptance`
    await eventually('the acceptance', async () => {
      const { status } = await call(service, 'POST', accept, { token, body: { reason: 'Known' } })
      return status === 201
    })
    await statusIs(pipeline.id, 'success')
    t.equal((await call(service, 'DELETE', path, { token })).status, 200)
    const back = await noteSaying(service, project, mr.iid, /80\.0/)
    t.equal(back.body, note.body)
    await statusIs(pipeline.id, 'failed')
    await simulator.settled()
  },
)
