import t from 'tap'
import { startTestService } from '../support/service.js'
import {
  model,
  noteSaying,
  openMergeRequest,
  push,
  setRules,
  statusesBecome,
  train,
  trainMergeRequest,
} from '../support/story.js'

let aheadMs = 0
const service = await startTestService(t, { clock: () => new Date(Date.now() + aheadMs) })
const { simulator, maintainer } = service
const strict = 'results: {accuracy: {fail: {worse_by: 1pp}}}\n'
const mild = 'results: {accuracy: {fail: {worse_by: 5pp}}}\n'

/** A project with rules whose main was trained, with a merge request. */
async function startStory(path: string, rules: string) {
  const project = await setRules(service, await service.createProject(path), rules)
  await train(service, project, [model('tree', 0.9)])
  return { project, mr: await openMergeRequest(service, project, 'tune') }
}

/** Rules of the branch are read anew after a while. */
function later(): void {
  aheadMs += 21_000
}

t.test('a rules file that cannot be read loses no result, and the note says what is wrong', async (t) => {
  const broken = 'results:\n  accuracy:\n    beter: higher\n    fail: {worse_by: 1pp}\n'
  const { project, mr } = await startStory('rules/broken', broken)

  const { pipeline } = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])

  const note = await noteSaying(service, project, mr.iid, /finished/)
  t.match(
    note.body,
    /### ⚠️ Model results: rules cannot be read, 1 worse\n\n\*\*<code>&#46;mlmm&#46;yml<\/code> on <code>main<\/code> cannot be read/,
  )
  t.match(
    note.body,
    /line 3, column 5, <code>results&#46;accuracy&#46;beter<\/code>: [^\n]*, nearest is <code>better<\/code>\n/,
  )
  t.match(note.body, 'no rule is checked')
  t.match(note.body, /90\.0&nbsp;→&nbsp;\*\*80\.0%/)
  await statusesBecome(service, pipeline.id, ['success'])

  await setRules(service, project, strict)
  later()
  const again = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])

  const mended = await noteSaying(service, project, mr.iid, /gate failed, 1 rule broken[^]*finished/)
  t.equal(mended.id, note.id)
  t.notMatch(mended.body, 'cannot be read')
  await statusesBecome(service, again.pipeline.id, ['failed'])
})

t.test(
  'a merge request cannot weaken its own gate, and the note says what its rules would say',
  async (t) => {
    const { project, mr } = await startStory('rules/weaker', strict)
    const base = { projectId: project.id, userId: maintainer.id, branch: 'tune' }
    await simulator.pushFiles({ ...base, files: { '.mlmm.yml': mild } })
    await simulator.settled()

    const { pipeline } = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.87)])

    const note = await noteSaying(service, project, mr.iid, /finished/)
    t.match(
      note.body,
      /### ❌ Model results: gate failed, 1 rule broken, this merge request loosens the rules\n/,
    )
    t.match(note.body, /at most 1&nbsp;pp worse/)
    t.match(
      note.body,
      /\*\*Check this:\*\* this merge request loosens [^\n]* from at most 1&nbsp;pp worse to at most 5&nbsp;pp worse\. After merging, this failure would pass\.\n/,
    )
    await statusesBecome(service, pipeline.id, ['failed'])

    await push(service, project, 'tune')
    await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])

    await noteSaying(service, project, mr.iid, /After merging, this failure would remain\.[^]*finished/)
  },
)

t.test('rules that changed on the target branch hold when the merge request is judged again', async (t) => {
  const { project, mr } = await startStory('rules/changed', mild)
  const { pipeline } = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.87)])
  const note = await noteSaying(service, project, mr.iid, /: 1 worse\n[^]*finished/)
  t.match(note.body, 'Gate passed')
  await statusesBecome(service, pipeline.id, ['success'])
  const { head } = await setRules(service, project, strict)

  later()
  const again = await trainMergeRequest(service, project, mr.iid, [model('tree', 0.87)])

  const judged = await noteSaying(service, project, mr.iid, /gate failed, 1 rule broken[^]*finished/)
  t.match(judged.body, `/-/commits/${head}`)
  // They are no doing of the merge request.
  t.notMatch(judged.body, /this merge request|rules edited/i)
  await statusesBecome(service, again.pipeline.id, ['failed'])
  await statusesBecome(service, pipeline.id, ['success'])
})
