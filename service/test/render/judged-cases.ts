import type { Model } from '../../domain/model.js'
import { baseSha, mainModel, model } from '../domain/models.js'
import { type Case, four, pair, type Past, repeated, sides } from './cases.js'

const gitlab = 'https://git.example.com/research/iris'

/** With the addresses of their jobs. */
function withJobs(models: readonly Model[]): Model[] {
  return models.map((one, index) => ({
    ...one,
    job: { ...one.job, url: `${gitlab}/-/jobs/${5001 + index}` },
  }))
}

const here = withJobs(four.here)
const { before } = four
const treeWineFailed = { name: 'train: [tree, wine]', status: 'failed', url: `${gitlab}/-/jobs/5099` }

const usual = `
results:
  accuracy: {better: higher, format: percent, tolerance: 0.2pp, fail: {worse_by: 1pp, below: 90%}}
  loss: {better: lower, tolerance: 1%, warn: {worse_by: 5%}}
`
const onlyWarns = 'results: {accuracy: {warn: {worse_by: 1pp}}}'

const history: Past[] = [
  {
    name: 'logistic',
    results: { accuracy: [0.928, 0.931, 0.935, 0.934, 0.93, 0.936, 0.931, 0.9333], loss: [0.2, 0.21] },
  },
  { name: 'tree', dataset: 'wine', results: { accuracy: [0.871, 0.874, 0.889, 0.872, 0.88, 0.884, 0.888] } },
  { name: 'tree', results: { accuracy: [0.9, 0.92, 0.921, 0.92, 0.93, 0.9333] } },
  { name: 'logistic', dataset: 'wine', results: { accuracy: [0.972, 0.9719, 0.9721, 0.972] } },
]

/** Ten trainings that differ by chance alone. */
const restless = [0.921, 0.934, 0.928, 0.915, 0.931, 0.926, 0.938, 0.919, 0.93, 0.924]

function searched(): Model[] {
  return Array.from({ length: 40 }, (_, index) =>
    model({
      id: `trial ${index}`,
      trial: String(index),
      job: { id: 6000 + index },
      results: index % 13 === 5 ? { accuracy: Number.NaN } : { accuracy: 0.9 + ((index * 7) % 40) / 600 },
      hyperparameters: { depth: (index % 5) + 2, min_leaf: index % 7 },
    }),
  )
}

function folderModels(make: typeof model, gain: number): Model[] {
  const names = ['fraud/eu/xgb', 'fraud/eu/linear', 'ranker/small', 'ranker/large', 'baseline']
  return names.map((name, index) =>
    make({
      name,
      dataset: 'prod',
      results: { auc: 0.93 + index / 100 + gain * (index - 1), recall: 0.71 },
      job: { name: 'train' },
    }),
  )
}

function folders(): Case {
  const quiet = ['search/a', 'search/b', 'ads/ctr'].map((name) =>
    mainModel({ name, dataset: 'prod', results: { auc: 0.8 }, job: { name: 'other' } }),
  )
  return {
    before: [...folderModels(mainModel, 0), ...quiet],
    here: folderModels(model, 0.002),
    endedJobs: ['train'],
    rules: 'note: {group_by: folder}\nresults: {auc: {fail: {worse_by: 0.05}}}\n',
  }
}

const timed = sides([
  pair(
    { name: 'small' },
    { accuracy: 0.9, p95_ms: 12.31, size: 41_200_000 },
    { accuracy: 0.9, p95_ms: 11.08, size: 41_200_000 },
  ),
  pair(
    { name: 'large' },
    { accuracy: 0.95, p95_ms: 38.44, size: 182_000_000 },
    { accuracy: 0.95, p95_ms: 41.2, size: 171_500_000 },
  ),
])
const timedRules = `
results:
  accuracy: {format: percent}
  p95_ms: {better: lower, unit: ms, digits: 1, fail: {above: 40}, warn: {worse_by: 5%}}
  size: {better: lower, unit: B, digits: 0}
note: {columns: [p95_ms, accuracy, size]}
`

/** Golden cases of rules, gates, noise, trends and what people decided. */
export const judgedCases: Record<string, Case> = {
  'gate-passed': { before: before.slice(2), here: here.slice(2), rules: usual },
  'gate-failed': { before, here, rules: usual },
  'gate-failed-with-a-failed-job': {
    before,
    here: here.filter(({ name, dataset }) => name !== 'tree' || dataset !== 'wine'),
    rules: `${usual}required: [{model: tree, dataset: wine}]\n`,
    editedRules: `${usual.replace('1pp', '3pp')}required: [{model: tree, dataset: wine}]\n`,
    endedJobs: ['train: [tree, wine]'],
    pipeline: { jobsReported: 3, jobsTotal: 4, failedJobs: [treeWineFailed] },
  },
  'gate-failed-so-far': {
    before,
    here: here.slice(0, 2),
    rules: usual,
    pipeline: { state: 'running', jobsReported: 2, jobsTotal: 4 },
  },
  'gate-warned': { before, here, rules: onlyWarns, history },
  'gate-warned-often': {
    before: before.map((one) => ({ ...one, results: [{ k: 'accuracy', v: 0.95 }] })),
    here: here.map((one) => ({ ...one, results: [{ k: 'accuracy', v: 0.93 }] })),
    rules: onlyWarns,
  },
  'gate-within-noise': {
    before: repeated(mainModel, [0.951, 0.928, 0.945, 0.93, 0.929]),
    here: repeated(model, [0.941, 0.908, 0.924]),
    rules: 'results: {accuracy: {fail: {worse_by: 0.5pp}}}',
  },
  'gate-accepted': { before, here, rules: usual, accepts: () => true },
  'gate-partly-accepted': {
    before,
    here,
    rules: usual,
    accepts: ({ name, kind }) => name === 'logistic' && kind === 'worse_by',
  },
  'gate-not-applicable': {
    ...sides([pair({}, { perplexity: 12.1, gini: 0.4 }, { perplexity: 12.9, gini: 0.37 })]),
    rules: 'results: {perplexity: {fail: {worse_by: 1pp}}, gini: {fail: {worse_by: 0.01}}}',
  },
  'gate-without-baseline': {
    before: before.slice(0, 1),
    here: here.slice(0, 2),
    rules: `${onlyWarns}\nno_baseline: fail\n`,
  },
  'gate-missing': {
    before: [...before, mainModel({ name: 'svm', results: { accuracy: 0.9 } })],
    here: [
      ...here.slice(2),
      model({ name: 'svm', results: { loss: 0.3 }, job: { url: `${gitlab}/-/jobs/7` } }),
    ],
    endedJobs: ['train: [logistic, iris]', 'train: [tree, wine]'],
    pipeline: {
      jobsReported: 3,
      jobsTotal: 5,
      silentJobs: ['train: [logistic, iris]', 'train: [tree, wine]'],
    },
    rules: `missing: fail\nresults: {accuracy: {fail: {worse_by: 1pp}}}\n`,
  },
  'rules-unreadable': {
    before,
    here,
    rules: 'results:\n  accuracy:\n    betterr: higher\n    fail: {worse_by: 1pp}\n',
  },
  'rules-unreadable-in-many-places': {
    before,
    here,
    rules:
      'reslts: {}\nresults:\n  accuracy: {fail: {worse_by: 1%}, format: percent}\n  loss: {beter: lower, digits: 99}\nno_baseline: maybe\nnote: {columns: 3, when: sometimes}\n',
  },
  'rules-match-nothing': {
    before,
    here,
    rules: 'results: {acuracy: {fail: {worse_by: 1pp}}}',
    rulesProblems: [
      {
        line: 1,
        column: 1,
        key: 'results.acuracy',
        message: 'acuracy matches no result that was reported',
        suggestion: 'accuracy',
      },
    ],
  },
  'rules-edited-weaker': { before, here, rules: usual, editedRules: usual.replace('1pp, below: 90%', '3pp') },
  'rules-edited-stricter': {
    before,
    here,
    rules: onlyWarns,
    editedRules: 'results: {accuracy: {fail: {worse_by: 1pp}}}',
  },
  'rules-edited-unreadable': {
    before,
    here,
    rules: usual,
    editedRules: 'results:\n  accuracy: {fial: {below: 1}}',
  },
  'rules-removed': { before, here, rules: onlyWarns, editedRules: '' },
  trend: { before, here, history, rules: 'results: {accuracy: {tolerance: 0.2pp}}' },
  'trend-with-gaps': {
    ...sides([
      pair({}, { loss: 0.21 }, { loss: 0.24 }),
      pair({ name: 'mlp' }, { loss: 0.4 }, { loss: Number.NaN }),
    ]),
    history: [
      { name: 'tree', results: { loss: [0.3, Number.NaN, 0.25, Number.POSITIVE_INFINITY, 0.21] } },
      { name: 'mlp', results: { loss: [0.41, 0.405, 0.4] } },
    ],
  },
  chart: { before: before.slice(0, 1), here: here.slice(0, 1), history, drawsCharts: true },
  'noise-of-repeats': {
    before: repeated(mainModel, [0.931, 0.928, 0.935, 0.93, 0.929]),
    here: repeated(model, [0.937, 0.925, 0.944]),
  },
  'noise-of-history': {
    ...sides([
      pair({}, { accuracy: 0.924, loss: 0.2 }, { accuracy: 0.917, loss: 0.2 }),
      pair({ name: 'forest' }, { accuracy: 0.924, loss: 0.2 }, { accuracy: 0.86, loss: 0.2 }),
    ]),
    history: ['tree', 'forest'].map((name) => ({ name, results: { accuracy: restless } })),
  },
  'few-test-samples': sides([
    pair({ testSize: 30 }, { accuracy: 29 / 30 }, { accuracy: 28 / 30 }),
    pair({ name: 'logistic', testSize: 30 }, { accuracy: 27 / 30 }, { accuracy: 28 / 30 }),
  ]),
  search: {
    before: [mainModel({ results: { accuracy: 0.93 }, hyperparameters: { depth: 3, min_leaf: 1 } })],
    here: searched(),
  },
  'units-and-digits': { ...timed, rules: timedRules },
  'one-value-in-all-rows': sides([
    pair(
      {},
      { accuracy: 0.93, loss: 0.2, epochs_trained: 200, f1: 0.9 },
      { accuracy: 0.95, loss: 0.19, f1: 0.9 },
    ),
    pair({ name: 'knn' }, { accuracy: 0.91, loss: 0.25, f1: 0.9 }, { accuracy: 0.92, loss: 0.22, f1: 0.9 }),
  ]),
  'grouped-by-folder': folders(),
  'carried-over': {
    here: here.slice(0, 2),
    pools: [
      {
        reason: 'merge_base',
        commit: baseSha,
        commitsBehind: 0,
        carriedFrom: { mrIid: 12 },
        models: before.slice(0, 2),
      },
    ],
  },
  excluded: {
    before: before.slice(1),
    here: here.slice(1, 3),
    exclusions: [
      {
        dataset: 'iris',
        name: 'logistic',
        side: 'here',
        commit: '9bc01d2'.padEnd(40, 'b'),
        username: 'sam',
        reason: 'Trained on the validation split by mistake',
      },
    ],
  },
  'fork-with-rules': {
    before,
    here: here.map((one) => ({ ...one, origin: 'fork:99:812' })),
    rules: usual,
    isFork: true,
  },
  'first-report-of-a-fork': {
    here: here.slice(0, 2).map((one) => ({ ...one, origin: 'fork:99:812' })),
    isFork: true,
  },
  'silent-job': {
    before: before.slice(0, 2),
    here: here.slice(0, 2),
    pipeline: { jobsReported: 2, jobsTotal: 3, silentJobs: ['train: [svm, iris]'] },
  },
  'job-cancelled': {
    before: before.slice(0, 2),
    here: here.slice(0, 1),
    endedJobs: ['train: [tree, wine]'],
    pipeline: { jobsReported: 1, jobsTotal: 2, failedJobs: [{ ...treeWineFailed, status: 'canceled' }] },
  },
  'first-report-with-rules': {
    here: here.slice(0, 2),
    rules: 'results: {accuracy: {fail: {below: 90%}}}',
  },
  'nothing-trained-here': { before, here: [], endedJobs: [] },
}
