import t from 'tap'
import { MAX_NOTE_BYTES } from '../../render/note.js'
import { startTestService } from '../support/service.js'
import { noteSaying, openMergeRequest, train, trainMergeRequest } from '../support/story.js'

/** Generous, as everything else on the machine may run beside this. */
const withinMs = 20_000

/** 500 models with six results each; every fifth is worse by 2 points than at `shift` 0, every other better. */
function models(shift: number) {
  return Array.from({ length: 500 }, (_, index) => {
    const accuracy = 0.5 + (index % 40) / 100 + (index % 5 === 0 ? -2 : 1) * shift
    return {
      name: `family-${index % 7}/model-${String(index).padStart(3, '0')}`,
      dataset: 'iris',
      hyperparameters: { lr: 0.1 + shift, depth: index },
      results: { accuracy, loss: 1 - accuracy, f1: 0.5, recall: 0.6, precision: 0.7, auc: accuracy },
    }
  })
}

t.test('a report of 500 models against 500 gives a note that is short, soon, and leads to all', async (t) => {
  const service = await startTestService(t)
  const project = await service.createProject('research/many-models')
  await train(service, project, models(0))
  const mr = await openMergeRequest(service, project, 'tune')
  const startedAt = performance.now()

  await trainMergeRequest(service, project, mr.iid, models(0.01))

  const note = await noteSaying(service, project, mr.iid, /: 100 worse, 400 better\n[^]*finished/)
  const tookMs = performance.now() - startedAt
  t.comment(`${Math.round(tookMs)} ms`)
  t.ok(tookMs < withinMs, `${tookMs} ms`)
  const marker = note.body.indexOf('\n')
  t.ok(Buffer.byteLength(note.body.slice(marker)) <= MAX_NOTE_BYTES)
  const page = `${service.url}/research/many-models/-/merge_requests/${mr.iid}`
  t.match(
    note.body,
    `The first 40 of 500 rows, worst first. Not shown: 60 worse, 400 better ([full comparison](${page})).`,
  )
  t.equal(note.body.match(/^\| 🔴&nbsp;worse/gm)?.length, 40)
  t.match(await fetch(page).then((answer) => answer.text()), 'model-499')
})
