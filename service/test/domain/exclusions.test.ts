import t from 'tap'
import { withoutExcluded } from '../../domain/exclusions.js'
import { model } from './models.js'

t.test('only the upload that was excluded is left out', async (t) => {
  const models = [
    model({ id: 'a', job: { id: 1 } }),
    model({ id: 'a', job: { id: 2 } }),
    model({ id: 'b', job: { id: 1 } }),
  ]

  const left = withoutExcluded(models, [
    { modelId: 'a', jobId: 1 },
    { modelId: 'c', jobId: 2 },
  ])

  t.same(left, models.slice(1))
  t.same(withoutExcluded(models, []), models)
})
