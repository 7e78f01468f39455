import type { Baseline, BaselineReason } from '../../domain/baseline.js'
import type { Json, Model, Named } from '../../domain/model.js'

export interface ModelFacts extends Partial<
  Omit<Model, 'results' | 'hyperparameters' | 'parameters' | 'job'>
> {
  results?: Record<string, number>
  hyperparameters?: Record<string, Json>
  parameters?: Record<string, Json>
  job?: Partial<Model['job']>
}

const headSha = '9bc01d2'.padEnd(40, 'b')
export const baseSha = '4f2a91c'.padEnd(40, 'a')

/** A model as a merge-request pipeline of the head sends it, unless said otherwise. */
export function model(facts: ModelFacts = {}): Model {
  const { results, hyperparameters, parameters, job, ...rest } = facts
  const [dataset, name] = [rest.dataset ?? 'iris', rest.name ?? 'tree']
  return {
    id: JSON.stringify([dataset, name, rest.repeat ?? null]),
    projectId: 'p1',
    origin: 'mr:812',
    commit: headSha,
    sourceCommit: null,
    pipeline: {
      id: 812,
      source: 'merge_request_event',
      ref: 'feature',
      refType: 'branch',
      refProtected: false,
    },
    userId: 7,
    dataset,
    name,
    repeat: null,
    trial: null,
    chosen: false,
    version: null,
    results: named(results ?? { accuracy: 0.9 }),
    hyperparameters: named(hyperparameters ?? {}),
    parameters: named(parameters ?? {}),
    curves: [],
    datasetDigest: null,
    testSize: null,
    artifacts: [],
    uploadedAt: new Date('2026-01-02T03:04:05Z'),
    ...rest,
    job: { id: 5001, name: `train: [${name}, ${dataset}]`, status: 'success', url: null, ...job },
  }
}

/** The same as a branch pipeline of `main` sends it. */
export function mainModel(facts: ModelFacts = {}): Model {
  return model({
    origin: 'branch:main',
    commit: baseSha,
    pipeline: { id: 700, source: 'push', ref: 'main', refType: 'branch', refProtected: true },
    ...facts,
  })
}

/** What `models` of one dataset and name are compared with. */
export function baseline(
  models: Model[],
  reason: BaselineReason = 'merge_base',
  commitsBehind = 2,
): Baseline {
  const [first] = models
  if (first === undefined) throw new Error('a baseline has models')
  return {
    dataset: first.dataset,
    name: first.name,
    reason,
    commit: first.commit,
    commitsBehind,
    carriedFrom: null,
    models,
  }
}

function named<T>(values: Record<string, T>): Named<T>[] {
  return Object.entries(values).map(([k, v]) => ({ k, v }))
}
