import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { identityOf } from '../../domain/baseline.js'
import { createCarryOver } from '../../jobs/carry-over.js'
import { createHistory } from '../../jobs/history.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { modelCollection, type ModelDoc } from '../../stores/model-documents.js'
import type { PipelineFacts } from '../../stores/pipeline-store.js'
import type { Project } from '../../stores/project-store.js'
import { createStores } from '../../stores/stores.js'

const { client, db } = await openTestDatabase(t)
await ensureIndexes(db)
const stores = createStores({ client, db })
const clock = () => new Date('2026-03-01T00:00:00Z')
const carryOvers = createCarryOver({ ...stores, queue: { enqueue: async () => {} }, clock })
const history = createHistory({ ...stores, carryOvers })

/** Pipelines are numbered in the order of time, hour by hour. */
function timeOf(pipelineId: number): Date {
  return new Date(Date.UTC(2026, 0, 1) + pipelineId * 3_600_000)
}

function shaOf(number: number): string {
  return number.toString(16).padStart(40, '0')
}

let uploads = 0

interface Upload extends Partial<ModelDoc> {
  accuracy: number
}

/** A pipeline of main with one succeeded job, unless said otherwise. */
async function pipeline(projectId: string, id: number, models: Upload[], facts: Partial<PipelineFacts> = {}) {
  const at = timeOf(id)
  const sha = facts.sha ?? shaOf(id)
  await stores.pipelines.save({
    projectId,
    pipelineId: id,
    sha,
    headSha: sha,
    targetSha: null,
    ref: 'main',
    kind: 'branch',
    source: 'push',
    status: 'success',
    webUrl: '',
    mrIids: [],
    ended: true,
    expected: null,
    asksExpected: false,
    rootId: null,
    jobs: [{ id: id * 10, name: 'train', status: 'success', allowFailure: false }],
    firstSeenAt: at,
    checkedAt: at,
    ...facts,
  })
  const docs = models.map(({ accuracy, ...rest }): ModelDoc => {
    uploads += 1
    return { ...uploadOf(projectId, id, sha), results: [{ k: 'accuracy', v: accuracy }], ...rest }
  })
  await modelCollection(db).insertMany(docs)
}

function uploadOf(projectId: string, id: number, commit: string): Omit<ModelDoc, 'results'> {
  return {
    _id: `m${uploads}`,
    schema: 1,
    projectId,
    origin: 'branch:main',
    commit,
    sourceCommit: null,
    pipelineId: id,
    pipelineSource: 'push',
    ref: 'main',
    refType: 'branch',
    refProtected: true,
    jobId: id * 10,
    jobName: 'train',
    jobStatus: 'success',
    jobUrl: null,
    userId: 1,
    dataset: 'iris',
    name: 'tree',
    repeat: null,
    trial: null,
    version: null,
    parameters: [],
    hyperparameters: [],
    curves: [],
    datasetDigest: null,
    testSize: null,
    artifacts: [],
    uploadedAt: timeOf(id),
    upload: null as never,
  }
}

const tree = { dataset: 'iris', name: 'tree' }

async function gather(projectId: string, exclusions: { modelId: string; jobId: number }[] = []) {
  const project = { id: projectId } as Project
  const gathered = await history.gather({ project, targetBranch: 'main', identities: [tree], exclusions })
  const points = gathered.get(identityOf(tree)) ?? []
  return points.map(({ commit, repeats, results }) => [commit, repeats, results.get('accuracy')])
}

/** The head of !7, trained by pipeline `id`, becomes `commit` of main. */
async function mergeHead(projectId: string, id: number, commit: string) {
  const mergeRequest = { source: 'merge_request_event', ref: 'refs/merge-requests/7/head' }
  const facts: Partial<PipelineFacts> = { ...mergeRequest, kind: 'merge_request', mrIids: [7] }
  const origin = { origin: `mr:${id}`, pipelineSource: 'merge_request_event', ref: 'tune' }
  await pipeline(projectId, id, [{ accuracy: 0.9, ...origin }], facts)
  await stores.carryOvers.save({
    projectId,
    mrIid: 7,
    sourceBranch: 'tune',
    targetBranch: 'main',
    headSha: shaOf(id),
    commit,
    jobIds: [id * 10],
    mergedAt: timeOf(id),
  })
}

t.test('each pipeline is one point, the oldest first, with the mean of its repeats', async (t) => {
  await pipeline('p1', 1, [
    { accuracy: 0.7, repeat: '1' },
    { accuracy: 0.8, repeat: '2' },
  ])
  await pipeline('p1', 3, [{ accuracy: 0.3 }], { sha: shaOf(1) })
  // It began before the one above and sent its results after it.
  await pipeline('p1', 2, [{ accuracy: 0.2, uploadedAt: timeOf(9) }], { sha: shaOf(1) })

  t.same(await gather('p1'), [
    [shaOf(1), 2, 0.75],
    [shaOf(1), 1, 0.2],
    [shaOf(1), 1, 0.3],
  ])
})

t.test('only trustworthy models are in it, no trials, nothing that was excluded', async (t) => {
  const failed = [{ id: 20, name: 'train', status: 'failed', allowFailure: false }]
  await pipeline('p2', 1, [{ accuracy: 0.1 }])
  await pipeline('p2', 2, [{ accuracy: 0.2 }], { jobs: failed })
  await pipeline('p2', 3, [{ accuracy: 0.3, origin: 'token:5' }])
  await pipeline('p2', 4, [{ accuracy: 0.4, ref: 'other', origin: 'branch:other' }], { ref: 'other' })
  await pipeline('p2', 5, [{ accuracy: 0.5, trial: '1' }])
  await pipeline('p2', 6, [{ accuracy: 0.6, origin: 'schedule:6', pipelineSource: 'schedule' }])
  await pipeline('p2', 7, [{ accuracy: 0.7, pipelineSource: 'merge_request_event' }])
  await pipeline('p2', 8, [{ accuracy: 0.8, _id: 'wrong' }])
  await pipeline('p2', 9, [{ accuracy: 0.9, name: 'knn' }])
  await pipeline('p2', 10, [{ accuracy: 0.95 }], { kind: 'merge_request' })

  t.same(await gather('p2', [{ modelId: 'wrong', jobId: 80 }]), [
    [shaOf(1), 1, 0.1],
    [shaOf(6), 1, 0.6],
  ])
})

t.test('what a merge carried over is in it once, until its commit is trained itself', async (t) => {
  await pipeline('p3', 1, [{ accuracy: 0.1 }])
  await mergeHead('p3', 2, shaOf(50))
  await pipeline('p3', 3, [{ accuracy: 0.3 }])

  t.same(await gather('p3'), [
    [shaOf(1), 1, 0.1],
    [shaOf(50), 1, 0.9],
    [shaOf(3), 1, 0.3],
  ])

  await pipeline('p3', 4, [{ accuracy: 0.4 }], { sha: shaOf(50) })

  t.same(await gather('p3'), [
    [shaOf(1), 1, 0.1],
    [shaOf(3), 1, 0.3],
    [shaOf(50), 1, 0.4],
  ])
})

t.test('it holds the last 20 of each model, whatever was trained beside them', async (t) => {
  for (let id = 1; id <= 25; id += 1) {
    const others = Array.from({ length: 20 }, (_, index) => ({ accuracy: 0.5, name: `other ${index}` }))
    await pipeline('p4', id, [{ accuracy: id / 100 }, ...others])
  }

  const points = await gather('p4')

  t.equal(points.length, 20)
  t.same(points.at(0), [shaOf(6), 1, 0.06])
  t.same(points.at(-1), [shaOf(25), 1, 0.25])
})
