import t from 'tap'
import { startTestService } from '../support/service.js'
import {
  endJob,
  expectJobs,
  model,
  noteSaying,
  openMergeRequest,
  setRules,
  startJobs,
  statusesBecome,
  trainJobs,
} from '../support/story.js'

const service = await startTestService(t)
const rules = `
results:
  accuracy: {better: higher, fail: {worse_by: 1pp}}
required:
  - {model: fraud/xgb, dataset: iris}
  - {model: search/a, dataset: iris}
note: {group_by: folder}
`
const before = {
  fraud: [model('fraud/xgb', 0.9), model('fraud/linear', 0.8)],
  search: [model('search/a', 0.7), model('search/b', 0.6)],
  ads: [model('ads/ctr', 0.5)],
}

async function startStory(path: string) {
  const project = await setRules(service, await service.createProject(path), rules)
  expectJobs(service, project, Object.keys(before))
  await trainJobs(service, project, before)
  return { project, mr: await openMergeRequest(service, project, 'tune') }
}

t.test(
  'of a monorepo the folders that did not run are one line, and nothing required is missed',
  async (t) => {
    const { project, mr } = await startStory('monorepo/one-folder')
    const { pipeline, job } = startJobs(service, project, mr.iid, ['fraud'])

    await endJob(service, job('fraud'), [model('fraud/xgb', 0.92), model('fraud/linear', 0.8)])

    const note = await noteSaying(service, project, mr.iid, /finished, 1 of 1 job reported/)
    const lines = note.body.split('\n')
    t.match(lines[2], /^### 🟢 Model results: 1 better, 1 unchanged$/)
    t.match(note.body, /\*\*<code>fraud<\/code>:\*\* 1 better, 1 unchanged/)
    t.same(
      lines.filter((line) => /search|ads/.test(line)),
      [
        '**Not run here:** <code>ads</code> (1 model) · <code>search</code> (2 models)',
        '**Models of the baseline not run here:** <code>ads&#47;ctr</code> · <code>search&#47;a</code> · <code>search&#47;b</code>',
      ],
    )
    t.match(note.body, /Gate passed, \d checks by the rules from <code>main<\/code>/)
    t.notMatch(note.body, /[❌⚠⚫]|missing/)
    await statusesBecome(service, pipeline.id, ['success'])
  },
)

t.test('a required model whose own job ran and sent nothing is missed', async (t) => {
  const { project, mr } = await startStory('monorepo/required')
  const { pipeline, job } = startJobs(service, project, mr.iid, ['fraud', 'search'])
  await endJob(service, job('fraud'), [model('fraud/xgb', 0.9), model('fraud/linear', 0.8)])

  const early = await noteSaying(service, project, mr.iid, /so far/)
  t.match(
    early.body,
    /Not reported yet:\*\* <code>ads<\/code> \(1 model\) · <code>search<\/code> \(2 models\)/,
  )
  t.notMatch(early.body, /[❌⚠⚫]/)

  await endJob(service, job('search'), [], 'failed')

  const note = await noteSaying(service, project, mr.iid, /finished, 1 of 2 jobs reported/)
  t.match(note.body, /### ❌ Model results: gate failed, 1 rule broken, 1 training job failed\n/)
  t.match(
    note.body,
    /no result[^\n]*search&#47;a[^\n]*70\.0%&nbsp;→&nbsp;\*\*none\*\*[^\n]*must report[^\n]*\[job failed\]/,
  )
  t.match(note.body, '**Not run here:** <code>ads</code> (1 model)')
  await statusesBecome(service, pipeline.id, ['failed'])
})
