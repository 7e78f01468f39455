import t from 'tap'
import { renderGfm } from '../../simulator/gfm.js'
import { hostileNames } from './support/hostile.js'
import { startTestService } from './support/service.js'
import { noteSaying, openMergeRequest, train } from './support/story.js'

const service = await startTestService(t)
const { simulator } = service
const names = hostileNames(1_000, 7)
const perNote = 50

/** The i-th name as the name of everything that has one. */
function hostileModel(index: number, accuracy: number) {
  const name = names[index] ?? ''
  const other = names[(index * 7 + 3) % names.length] ?? ''
  return {
    name,
    dataset: other,
    parameters: { [name]: other, nested: { [other]: [name] } },
    hyperparameters: { [other]: `${name}${accuracy}` },
    results: { accuracy, [name]: accuracy, [other]: -accuracy },
    curves: { [name]: [[0, 1]] },
    dataset_digest: `${name.slice(0, 100)}${accuracy > 0.5 ? '' : 'x'}`,
    artifacts: [{ path: name }],
  }
}

t.test('1,000 hostile names come out of upload and note dead', async (t) => {
  const project = await service.createProject('research/hostile')
  const batches = Array.from({ length: names.length / perNote }, (_, batch) =>
    Array.from({ length: perNote }, (_, i) => batch * perNote + i),
  )
  await train(
    service,
    project,
    batches
      .slice(0, 10)
      .flat()
      .map((index) => hostileModel(index, 0.5)),
  )

  for (const [batch, indexes] of batches.entries()) {
    const mr = await openMergeRequest(service, project, `tune-${batch}`)
    const jobName = names[batch * 3] ?? ''
    const pipeline = simulator.createPipeline({
      projectId: project.id,
      mrIid: mr.iid,
      jobs: [{ name: jobName }, { name: 'b' }],
    })
    const [good = 0, bad = 0] = pipeline.jobs.map((job) => job.id)
    const models = indexes.map((index) => hostileModel(index, 0.9))
    const answer = await service.report(good, { job: { name: jobName, status: 'success' }, models })
    t.equal(answer.status, 202, answer.text)
    await service.report(bad, { job: { name: `b${jobName}`, status: 'failed' } })
    simulator.setJobStatus(good, 'success')
    simulator.setJobStatus(bad, 'failed')
  }

  for (const [batch] of batches.entries()) {
    const note = await noteSaying(service, project, batch + 1, /finished/)
    const rendered = renderGfm(note.body)
    const { mentions, references, images, quickActions } = rendered
    t.same(
      { mentions, references, images, quickActions },
      { mentions: [], references: [], images: [], quickActions: [] },
    )
    t.same(
      rendered.links.filter(
        (link) => !link.startsWith(`${service.url}/`) && !link.startsWith(`${simulator.url}/`),
      ),
      [],
    )
    t.same(
      [...new Set(rendered.rawHtmlElements)].filter((name) => !ours.has(name)),
      [],
    )
    const firstTable = rendered.html.slice(
      0,
      rendered.html.indexOf('</table>', rendered.html.indexOf('Model</th>')),
    )
    t.ok((firstTable.match(/<tr>/g) ?? []).length > 10, 'rows are still rows of one table')
  }
  t.same(simulator.effects, [])
})

const ours = new Set(['code', 'details', 'pre', 'summary', 'sub', 'wbr'])
