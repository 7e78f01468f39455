import t from 'tap'
import { startTestService } from '../support/service.js'
import { idle, model, noteSaying, openMergeRequest, setRules, statusesOf, train } from '../support/story.js'

t.test('of two merge requests that share a pipeline the failing one decides on its status', async (t) => {
  const service = await startTestService(t)
  const { simulator, maintainer } = service
  const empty = await service.createProject('research/shared')
  const files = { 'release.txt': 'no rules here\n' }
  const release = { projectId: empty.id, userId: maintainer.id, branch: 'release', files }
  await simulator.pushFiles(release)
  const project = await setRules(service, empty, 'results: {accuracy: {fail: {worse_by: 1pp}}}')
  await train(service, project, [model('tree', 0.9)])
  const failing = await openMergeRequest(service, project, 'tune')
  const passing = await simulator.createMergeRequest({
    projectId: project.id,
    sourceBranch: 'tune',
    targetBranch: 'release',
    title: 'The same for the release',
    userId: maintainer.id,
  })
  await simulator.settled()

  await train(service, project, [model('tree', 0.8)], { sha: failing.sha, branch: 'tune' })

  await noteSaying(service, project, failing.iid, /gate failed(.|\n)*finished/)
  await noteSaying(service, project, passing.iid, /first report(.|\n)*finished/)
  await idle(service)
  const pipeline = [...simulator.state.pipelines.values()].findLast(({ sha }) => sha === failing.sha)
  const statuses = statusesOf(service, pipeline?.id ?? 0)
  t.equal(statuses.at(-1), 'failed', statuses.join(', '))
  const [newest] = [...simulator.state.jobs.values()].filter(({ external }) => external).slice(-1)
  t.match(newest?.description, `!${failing.iid}: gate failed`)
})
