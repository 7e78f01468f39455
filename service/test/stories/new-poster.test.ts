import t from 'tap'
import { eventually, startTestService } from '../support/service.js'
import { browserWith, reachCallback, signIn } from '../support/sign-in.js'
import { model, openMergeRequest, train, trainMergeRequest } from '../support/story.js'

t.test('a project gets its own bot after the instance’s bot had written', async (t) => {
  const service = await startTestService(t)
  const { simulator, stores, bot, maintainer } = service
  const project = await service.createProject('research/iris')
  await train(service, project, [model('tree', 0.8)])
  const mr = await openMergeRequest(service, project, 'deeper')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.9)])
  const [first] = await notes('the first note', (all) => all.length === 1)
  t.equal(first?.authorId, bot.id)

  const address = `/-/connect/${project.id}`
  const maya = await signIn(service, maintainer.id)
  const query = `?for=posting&return_to=${address}`
  const { callback, cookie } = await reachCallback(service, {
    userId: maintainer.id,
    query,
    cookie: maya.cookie,
  })
  await browserWith(service, cookie).get(callback)
  t.equal((await maya.post(address, { posting: 'yes' })).status, 303)
  const ownBot = (await stores.projects.findByGitLabId(project.id))?.ownBot
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.95)])

  const [old, current] = await notes(
    'the note of the own bot',
    (all) => all[0]?.body.startsWith('This is out of date') === true,
  )
  t.equal(current?.authorId, ownBot?.gitlabUserId)
  t.match(current?.body, '95.0%')
  t.equal(old?.id, first?.id)
  t.equal(old?.authorId, bot.id)
  t.equal(old?.body, `This is out of date: [the current note](#note_${current?.id}) has another author.`)
  t.equal((await stores.jobs.count()).dead, 0)

  function notes(what: string, isThere: (all: ReturnType<typeof simulator.listNotes>) => boolean) {
    return eventually(what, () => {
      const all = simulator.listNotes(project.id, mr.iid)
      return isThere(all) && all
    })
  }
})
