import t from 'tap'
import { jobKey } from '../../jobs/keys.js'
import { eventually, startTestService } from '../support/service.js'
import { model, noteSaying, openMergeRequest, train, trainMergeRequest } from '../support/story.js'

t.test(
  'a webhook that is disabled is enabled, one that is gone is made anew, a lost merge is found',
  async (t) => {
    const service = await startTestService(t)
    const { simulator, stores } = service
    const project = await service.createProject('research/iris')
    await train(service, project, [model('tree', 0.9)])
    const mr = await openMergeRequest(service, project, 'tune')
    await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])
    await noteSaying(service, project, mr.iid, /finished/)
    const find = async () => stores.projects.findByGitLabId(project.id)
    const { id } = await eventually('the webhook', async () => {
      const found = await find()
      return found?.hook.state === 'registered' && found
    })
    const ask = (key: string) => stores.jobs.enqueue([{ key, delayMs: 0, promiseMs: null }])

    simulator.hooks.plan = () => ({ copies: 0 })
    await simulator.mergeMergeRequest(project.id, mr.iid, service.maintainer.id)
    await simulator.settled()
    t.equal((await stores.comparisons.findFacts(id, mr.iid))?.mrState, 'opened')
    await ask(jobKey.poll(id))
    await eventually(
      'the merge',
      async () => (await stores.comparisons.findFacts(id, mr.iid))?.mrState === 'merged',
    )
    simulator.hooks.plan = null

    const hooks = () => [...simulator.state.hooks.values()].filter((hook) => hook.projectId === project.id)
    const [hook] = hooks()
    if (hook === undefined) throw new Error('no hook')
    hook.alertStatus = 'disabled'
    await ask(jobKey.hookHealth(id))
    await eventually('the look at the webhook', async () => (await find())?.hook.health)
    t.equal(hook.alertStatus, 'executable')

    simulator.state.hooks.delete(hook.id)
    await ask(jobKey.hookHealth(id))
    await eventually(
      'a new webhook',
      async () => hooks()[0]?.id !== hook.id && (await find())?.hook.hookId === hooks()[0]?.id,
    )
  },
)
