import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { readReport } from '../../ingest/report.js'
import { createReportIntake } from '../../routes/report-intake.js'
import { createReportSaving } from '../../routes/report-saving.js'
import type { CiIdentity } from '../../schemas/id-token.js'
import { createQueue } from '../../jobs/queue.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { createStores } from '../../stores/stores.js'

const identity: CiIdentity = {
  gitlabProjectId: 7,
  projectPath: 'research/iris',
  namespacePath: 'research',
  tokenProjectId: 7,
  jobProjectId: 7,
  isFork: false,
  userId: 1,
  userLogin: 'maya',
  pipelineId: 11,
  pipelineSource: 'push',
  jobId: 13,
  ref: 'main',
  refType: 'branch',
  refProtected: true,
  sha: 'a'.repeat(40),
  expiresAt: new Date(0),
}

const clock = () => new Date()

t.test('curves whose model could not be stored are dropped', async (t) => {
  const { client, db } = await openTestDatabase(t)
  await ensureIndexes(db)
  const stores = createStores({ client, db })
  const queue = createQueue({ store: stores.jobs, monotonicNowMs: () => performance.now() })
  const modelWriter = { save: () => Promise.reject(new Error('no models today')) }
  const facts = {
    path: 'research/iris',
    webUrl: 'https://gitlab.example/research/iris',
    defaultBranch: 'main',
  }
  const project = await stores.projects.connect(
    { ...facts, gitlabProjectId: 7, visibility: 'public', pipelinesOpen: true },
    clock(),
  )
  const curves = {
    loss: [
      [0, 3],
      [1, 2],
      [2, 1],
    ],
  }
  const report = readReport({ models: [{ name: 'tree', results: { accuracy: 0.5 }, curves }] })
  t.equal(report.models[0]?.curves.length, 1)

  await t.rejects(
    createReportIntake({
      ...stores,
      saveReport: createReportSaving({ ...stores, onStored: () => {}, modelWriter }),
      queue,
      clock,
    }).store(project, identity, report),
    { message: 'no models today' },
  )
  t.equal(await db.collection('curves').countDocuments(), 0)

  await createReportIntake({
    ...stores,
    saveReport: createReportSaving({ ...stores, onStored: () => {} }),
    queue,
    clock,
  }).store(project, identity, report)
  t.equal(await db.collection('curves').countDocuments(), 1)
})
