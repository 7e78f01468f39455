import t from 'tap'
import { startMongod } from '../../embedded/mongod.js'
import { eventually, startTestService } from './support/service.js'

t.test('the database is killed: a clear answer that says to try again', async (t) => {
  const mongod = await startMongod({ cacheSizeGb: 0.25 })
  t.teardown(() => mongod.stop())
  const service = await startTestService(t, { mongodbUrl: mongod.url })
  const project = await service.createProject('research/iris')
  const { simulator } = service
  const base = { projectId: project.id, sha: project.head, ref: 'main' }
  const jobId = simulator.createPipeline({ ...base, jobs: [{ name: 'train' }] }).jobs[0]?.id ?? 0
  const body = { job: { name: 'train', status: 'success' }, models: [{ name: 'tree', results: { f1: 1 } }] }
  t.equal((await service.report(jobId, body)).status, 202)
  t.equal((await service.get('/readyz')).status, 200)

  process.kill(mongod.pid, 'SIGKILL')
  const refused = await service.report(jobId, body)
  const ready = await service.get('/readyz')

  t.equal(refused.status, 503)
  t.match(refused.json, { code: 'UNAVAILABLE', retryable: true, request: String })
  t.ok(refused.headers.get('retry-after'))
  t.notMatch(refused.text, /mongo|127\.0\.0\.1/i)
  t.equal(ready.status, 503)
  t.equal((await eventually('an answer', () => service.get('/healthz'))).status, 200)
})
