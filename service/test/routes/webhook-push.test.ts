import t from 'tap'
import { jobKey } from '../../jobs/keys.js'
import { eventually, startTestService } from '../support/service.js'
import { model, noteSaying, openMergeRequest, train, trainMergeRequest } from '../support/story.js'

t.test('a push that changes the rules of a target branch has its merge requests judged again', async (t) => {
  const service = await startTestService(t)
  const { simulator, maintainer, stores } = service
  const project = await service.createProject('research/iris')
  await train(service, project, [model('tree', 0.9)])
  const mr = await openMergeRequest(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])
  await noteSaying(service, project, mr.iid, /1 worse(.|\n)*finished/)
  const projectId = (await stores.projects.findByGitLabId(project.id))?.id ?? ''
  const looks = jobKey.note(projectId, mr.iid)
  const isThere = () => stores.jobs.isUnderWay({ keys: [looks], looks, withinMs: 0 })
  const isBusy = () => stores.jobs.isUnderWay({ keys: [], looks, withinMs: 1_000 })
  /** Whether the push has the note written later; other events have it written at once. */
  const asksFor = async (branch: string, path: string) => {
    const files = { [path]: `# ${branch}\n` }
    await simulator.pushFiles({ projectId: project.id, userId: maintainer.id, branch, files })
    await simulator.settled()
    await eventually('the end of the note job', async () => !(await isBusy()))
    return isThere()
  }

  t.equal(await asksFor('main', 'train.py'), false)
  t.equal(await asksFor('other', '.mlmm.yml'), false)
  t.equal(await asksFor('main', '.mlmm.yml'), true)
})
