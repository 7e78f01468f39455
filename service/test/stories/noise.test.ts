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

const service = await startTestService(t)

/** A model trained several times. */
function repeats(name: string, accuracies: number[]) {
  return accuracies.map((accuracy, index) => ({ ...model(name, accuracy), repeat: String(index + 1) }))
}

t.test(
  'five repeats on both sides tell chance from a difference, and a gate does not fail by chance',
  async (t) => {
    const rules = 'results: {accuracy: {fail: {worse_by: 0.2pp}}}\n'
    const project = await setRules(service, await service.createProject('noise/repeats'), rules)
    await train(service, project, repeats('tree', [0.9, 0.91, 0.92, 0.89, 0.9]))
    const mr = await openMergeRequest(service, project, 'tune')

    const first = await trainMergeRequest(
      service,
      project,
      mr.iid,
      repeats('tree', [0.905, 0.895, 0.91, 0.9, 0.89]),
    )

    const note = await noteSaying(service, project, mr.iid, /finished/)
    t.match(note.body, /### ⚠️ Model results: 1 within noise\n/)
    t.match(
      note.body,
      /⚪&nbsp;within noise \|[^|]*tree[^|]*\| 90\.4&nbsp;±&nbsp;0\.5 →&nbsp;90\.0&nbsp;±&nbsp;0\.4% \(−0\.4&nbsp;pp\)/,
    )
    t.match(note.body, 'Welch')
    t.match(
      note.body,
      /Gate passed with 1 warning:\*\*[^\n]*fell by 0\.4&nbsp;pp[^\n]*0\.2&nbsp;pp[^\n]*\(p = /,
    )
    t.match(note.body, /mean ± standard error: 5 runs on each side/)
    await statusesBecome(service, first.pipeline.id, ['success'])

    await push(service, project, 'tune')
    const second = await trainMergeRequest(
      service,
      project,
      mr.iid,
      repeats('tree', [0.86, 0.87, 0.85, 0.86, 0.87]),
    )

    const worse = await noteSaying(service, project, mr.iid, /gate failed, 1 rule broken[^]*finished/)
    t.match(
      worse.body,
      /🔴&nbsp;worse \|[^|]*tree[^|]*\| 90\.4&nbsp;±&nbsp;0\.5 →&nbsp;\*\*86\.2&nbsp;±&nbsp;0\.4%\*\* \(−4\.2&nbsp;pp\)/,
    )
    await statusesBecome(service, second.pipeline.id, ['failed'])
  },
)

t.test('one training here is held against the spread of the last ten of main', async (t) => {
  const project = await service.createProject('noise/history')
  const history = [0.9, 0.92, 0.89, 0.91, 0.93, 0.9, 0.92, 0.89, 0.91, 0.9]
  await train(service, project, [model('tree', history[0] ?? 0)])
  await Promise.all(
    history
      .slice(1)
      .map((accuracy) => train(service, project, [model('tree', accuracy)], { source: 'schedule' })),
  )
  const mr = await openMergeRequest(service, project, 'tune')

  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.89)])

  const note = await noteSaying(service, project, mr.iid, /finished/)
  t.match(note.body, /### ⚪ Model results: 1 within noise\n/)
  t.match(note.body, /90\.0&nbsp;→&nbsp;89\.0% \(−1\.0&nbsp;pp\)/)
  t.match(note.body, 'the spread of the last 10 trainings on <code>main</code>')

  await push(service, project, 'tune')
  await trainMergeRequest(service, project, mr.iid, [model('tree', 0.8)])

  const worse = await noteSaying(service, project, mr.iid, /: 1 worse\n[^]*finished/)
  t.match(worse.body, /90\.0&nbsp;→&nbsp;\*\*80\.0%\*\* \(−10\.0&nbsp;pp\)/)
  t.notMatch(worse.body, /within noise/i)
})
