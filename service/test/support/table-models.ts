import { createHash } from 'node:crypto'
import { ObjectId } from 'mongodb'
import type { Json, Named } from '../../domain/model.js'
import type { ModelDoc } from '../../stores/model-documents.js'

/** A generator of numbers from 0 to 1 that gives the same ones for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const oddResults = [Number.NaN, Infinity, -Infinity, 0, -0]
const oddSettings: Json[] = [
  '0.1',
  0.1,
  'adam',
  'Adam',
  true,
  null,
  [1, 2],
  { a: 1 },
  '',
  'x'.repeat(900),
  'קצת',
]

/** A model with values of every kind, and names that are not there in all of them. */
export function tableModel(projectId: string, index: number, random: () => number): ModelDoc {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const results: Named<number>[] = [{ k: 'accuracy', v: Math.round(random() * 200) / 200 }]
  if (random() < 0.7) results.push({ k: 'loss', v: random() < 0.2 ? pick(oddResults) : random() * 3 })
  if (random() < 0.01) results.push({ k: 'rare.$name', v: random() })
  const hyperparameters: Named<Json>[] = [{ k: 'lr', v: pick([0.1, 0.01, 0.001]) }]
  if (random() < 0.8) hyperparameters.push({ k: 'mixed', v: pick(oddSettings) })
  return {
    _id: createHash('sha256').update(`${projectId} ${index}`).digest('base64url').slice(0, 24),
    schema: 1,
    projectId,
    origin: 'branch:main',
    commit: createHash('sha1')
      .update(String(index >> 3))
      .digest('hex'),
    sourceCommit: null,
    pipelineId: 10 + (index >> 4),
    pipelineSource: 'push',
    ref: pick(['main', 'tune', 'v1']),
    refType: random() < 0.1 ? 'tag' : 'branch',
    refProtected: true,
    jobId: 100,
    jobName: 'train',
    jobStatus: 'success',
    jobUrl: null,
    userId: pick([1, 2, 3]),
    dataset: pick(['iris', 'wine']),
    name: pick(['tree', 'forest', 'net']),
    repeat: random() < 0.2 ? pick(['1', '2']) : null,
    trial: null,
    version: null,
    parameters: [{ k: 'rows', v: Math.floor(random() * 1_000) }],
    hyperparameters,
    results,
    curves: [],
    datasetDigest: null,
    testSize: null,
    artifacts: [],
    uploadedAt: new Date(Date.UTC(2026, 10, 1) + Math.floor(random() * 5e8)),
    upload: new ObjectId(),
  }
}
