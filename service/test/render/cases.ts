import { type BaselinePool, chooseBaselines, identityOf } from '../../domain/baseline.js'
import type { Comparison, HistoryPoint } from '../../domain/comparison.js'
import type { ToldExclusion } from '../../domain/exclusions.js'
import { compare } from '../../domain/compare.js'
import { judge } from '../../domain/judge.js'
import type { CurveSummary, Model } from '../../domain/model.js'
import { createRuleBook } from '../../domain/rule-book.js'
import { compareRules } from '../../domain/rule-changes.js'
import { noRules, type RuleBook, type RulesProblem } from '../../domain/rules.js'
import type { Acceptance, BrokenRule, Verdict } from '../../domain/verdict.js'
import { readRules } from '../../ingest/rules-file.js'
import type { EditedRules, NoteInput, NotePipeline, NoteRules } from '../../render/note-input.js'
import { baseSha, mainModel, model, type ModelFacts } from '../domain/models.js'

const gitlab = 'https://git.example.com/research/iris'
const pages = 'https://mlmm.example.com/research/iris'

export interface Case {
  here: Model[]
  /** At the merge base, two commits behind. */
  before?: Model[]
  pools?: BaselinePool[]
  endedJobs?: string[]
  pipeline?: Partial<NotePipeline>
  previous?: Model[]
  /** `.mlmm.yml` of the target branch, and of the head where it differs. */
  rules?: string
  editedRules?: string
  /** What in the file matches nothing; what is wrong in it comes from reading it. */
  rulesProblems?: RulesProblem[]
  /** What a Maintainer accepts of the broken rules. */
  accepts?: (broken: BrokenRule) => boolean
  history?: Past[]
  exclusions?: ToldExclusion[]
  isFork?: boolean
  drawsCharts?: boolean
}

/** The target branch's last trainings of one model, the oldest first. */
export interface Past {
  name: string
  dataset?: string
  results: Record<string, readonly number[]>
}

/** A note of the whole input, with links as the service makes them. */
export function noteInput(one: Case): NoteInput {
  const { here, before = [], pools, endedJobs = [], pipeline, previous, rules, editedRules } = one
  const known = pools ?? [mergeBase(before)]
  const own = rulesOf(rules)
  const history = historyOf(one.history ?? [])
  const compareWith = (candidates: Model[], book: RuleBook): Comparison =>
    compare({
      candidates,
      baselines: chooseBaselines({ candidates, pools: known }),
      endedJobs: new Set(endedJobs),
      rules: book,
      history,
    })
  const comparison = compareWith(here, own.book)
  const jobs = new Set(here.map((one) => one.job.name)).size
  const isFinal = pipeline?.state !== 'running'
  const judgeBy = (book: RuleBook, acceptances: Acceptance[]): Verdict =>
    one.isFork
      ? { state: 'pass', broken: [], applied: 0 }
      : judge({
          comparison: book === own.book ? comparison : compareWith(here, book),
          rules: book,
          acceptances,
          isFinal,
        })
  const acceptances = acceptancesOf(judgeBy(own.book, []), one)
  return {
    projectUrl: gitlab,
    targetBranch: 'main',
    headSha: '9bc01d2'.padEnd(40, 'b'),
    isFork: one.isFork ?? false,
    pipeline: {
      id: 812,
      url: `${gitlab}/-/pipelines/812`,
      state: 'finished',
      jobsReported: jobs,
      jobsTotal: jobs,
      failedJobs: [],
      silentJobs: [],
      ...pipeline,
    },
    comparison,
    rules: {
      state: own.state,
      path: '.mlmm.yml',
      commit: rules === undefined ? null : '7d1e0f3'.padEnd(40, 'd'),
      problems: one.rulesProblems ?? own.problems,
    },
    verdict: judgeBy(own.book, acceptances),
    editedRules: editedRules === undefined ? null : editedOf(own, rulesOf(editedRules), judgeBy),
    exclusions: one.exclusions ?? [],
    groupBy: own.book.rules.note.groupBy,
    previous:
      previous === undefined
        ? null
        : { headSha: '77c0ffe'.padEnd(40, 'c'), comparison: compareWith(previous, own.book) },
    drawsCharts: one.drawsCharts ?? false,
    links: {
      model: ({ name, dataset }) => `${pages}/-/models/${[name, dataset].map(encodeName).join('/')}/9bc01d2`,
      comparison: `${pages}/-/merge_requests/12`,
      accept: `${pages}/-/merge_requests/12#accept`,
      rules: `${pages}/-/merge_requests/12#rules`,
    },
  }
}

interface CaseRules extends Pick<NoteRules, 'state' | 'problems'> {
  book: RuleBook
}

function rulesOf(text: string | undefined): CaseRules {
  if (text === undefined || text === '') return { state: 'none', problems: [], book: createRuleBook(noRules) }
  const { rules, problems } = readRules(text)
  return { state: rules === null ? 'unreadable' : 'read', problems, book: createRuleBook(rules ?? noRules) }
}

function editedOf(
  old: CaseRules,
  { state, problems, book }: CaseRules,
  judgeBy: (book: RuleBook, acceptances: Acceptance[]) => Verdict,
): EditedRules {
  if (state === 'unreadable') return { changes: [], problems, verdict: null }
  const changes = compareRules(old.book.rules, book.rules)
  return { changes, problems, verdict: state === 'none' ? null : judgeBy(book, []) }
}

function acceptancesOf({ broken }: Verdict, { accepts }: Case): Acceptance[] {
  const keys = accepts === undefined ? [] : broken.filter(accepts).map(({ key }) => key)
  const reason = 'The old test set had duplicates, see the data review'
  const at = new Date('2026-01-02T03:04:05Z')
  return keys.length === 0 ? [] : [{ keys, headSha: '9bc01d2'.padEnd(40, 'b'), username: 'maya', reason, at }]
}

function historyOf(pasts: readonly Past[]): Map<string, HistoryPoint[]> {
  return new Map(
    pasts.map(({ name, dataset = 'iris', results }) => {
      const length = Math.max(...Object.values(results).map((values) => values.length))
      const points = Array.from({ length }, (_, index): HistoryPoint => {
        const at = Object.entries(results).flatMap(([result, values]): [string, number][] => {
          const value = values[index]
          return value === undefined ? [] : [[result, value]]
        })
        return { commit: String(index).padStart(40, '0'), repeats: 1, results: new Map(at) }
      })
      return [identityOf({ name, dataset }), points]
    }),
  )
}

function encodeName(name: string): string {
  return encodeURIComponent(name.toWellFormed())
}

function mergeBase(models: Model[]): BaselinePool {
  return { reason: 'merge_base', commit: baseSha, commitsBehind: 2, carriedFrom: null, models }
}

type Values = Record<string, number>

export function pair(facts: ModelFacts, old: Values, current: Values): { before: Model; here: Model } {
  return { before: mainModel({ ...facts, results: old }), here: model({ ...facts, results: current }) }
}

export function sides(pairs: { before: Model; here: Model }[]): { before: Model[]; here: Model[] } {
  return { before: pairs.map(({ before }) => before), here: pairs.map(({ here }) => here) }
}

export const four = sides([
  pair({ name: 'logistic' }, { accuracy: 0.9333, loss: 0.21 }, { accuracy: 0.9133, loss: 0.241 }),
  pair({ dataset: 'wine' }, { accuracy: 0.888, loss: 0.302 }, { accuracy: 0.899, loss: 0.31 }),
  pair({}, { accuracy: 0.9333, loss: 0.13 }, { accuracy: 0.9667, loss: 0.11 }),
  pair(
    { name: 'logistic', dataset: 'wine' },
    { accuracy: 0.972, loss: 0.095 },
    { accuracy: 0.972, loss: 0.095 },
  ),
])

function withSettings(): Case {
  const before = {
    lr: 0.1,
    epochs: 200,
    layers: [64, 64],
    optimizer: { name: 'sgd', momentum: 0.9 },
    class_weight: null,
  }
  const now = {
    lr: 0.05,
    epochs: 200,
    layers: [64, 32],
    optimizer: { name: 'adam' },
    class_weight: 'balanced',
  }
  const results = { accuracy: 0.95, loss: 0.2 }
  const names = ['mlp', 'mlp-wide', 'mlp-deep']
  return {
    before: names.map((name) =>
      mainModel({ name, results, hyperparameters: before, parameters: { rows: 150 } }),
    ),
    here: names.map((name) =>
      model({
        name,
        results: { accuracy: 0.955, loss: 0.19 },
        hyperparameters: now,
        parameters: { rows: 149 },
      }),
    ),
  }
}

function withRepeats(): Case {
  return {
    before: repeated(mainModel, [0.931, 0.928, 0.935, 0.93, 0.929]),
    here: repeated(model, [0.941, 0.938, 0.944]),
  }
}

export function repeated(make: typeof model, accuracies: number[]): Model[] {
  return accuracies.map((accuracy, index) =>
    make({ repeat: String(index + 1), results: { accuracy, loss: 1 - accuracy }, job: { id: 5001 + index } }),
  )
}

function withStrangeNumbers(): Case {
  const names: [string, number, number][] = [
    ['diverged', 0.21, Number.NaN],
    ['recovered', Number.NaN, 0.21],
    ['exploded', 0.21, Number.POSITIVE_INFINITY],
    ['from zero', 0, 0.003],
    ['across zero', 0.4, -0.2],
    ['tiny', 1.2e-7, 3.4e-9],
    ['huge', 4.1e12, 4.2e12],
    ['close', 0.123456, 0.123457],
    ['negative zero', 0, -0],
  ]
  return sides(names.map(([name, old, current]) => pair({ name }, { loss: old }, { loss: current })))
}

const curve: CurveSummary = { name: 'loss', count: 200, min: 0.19, max: 1.0986, last: 0.194 }

/** Between -0.5 and 0.5, the same at every run. */
function wave(index: number): number {
  return Math.sin(index * 12.9898) * 0.5
}

function matrix(count: number): Case {
  return sides(
    Array.from({ length: count }, (_, index) => {
      const old = {
        accuracy: 0.8 + wave(index) / 10,
        loss: 0.4 + wave(index + 1) / 10,
        latency_ms: 12 + wave(index + 2),
      }
      const moved = index % 3 === 0 ? old : { ...old, accuracy: old.accuracy + wave(index + 3) / 40 }
      return pair(
        { name: `model-${String(index).padStart(3, '0')}`, dataset: index % 2 ? 'prod' : 'prod-eu' },
        old,
        moved,
      )
    }),
  )
}

const hostile =
  '</code>\n/merge @all !1 #2 | **x** [a](http://evil.example) <img src=x> \u202Egnp.exe www.evil.example a@b.co'

/** What the golden files under `fixtures/notes` show. */
export const cases: Record<string, Case> = {
  mixed: { ...four, here: four.here.map((one) => ({ ...one, curves: [curve] })) },
  'first-report': { here: four.here.filter(({ dataset }) => dataset === 'iris') },
  'first-report-unknown-direction': {
    here: [
      model({ results: { gini: 0.41, accuracy: 0.93 } }),
      model({ name: 'knn', results: { gini: 0.4, accuracy: 0.9 } }),
    ],
  },
  'all-better': sides([
    pair({ name: 'logistic' }, { accuracy: 0.9133, loss: 0.241 }, { accuracy: 0.9333, loss: 0.21 }),
    pair({}, { accuracy: 0.9333, loss: 0.13 }, { accuracy: 0.9667, loss: 0.11 }),
  ]),
  'all-same': { before: four.before.slice(2), here: four.before.slice(2) },
  'one-model': sides([
    pair(
      { dataset: 'default', name: 'train' },
      { val_accuracy: 0.8712, val_loss: 0.4123 },
      { val_accuracy: 0.8754, val_loss: 0.4011 },
    ),
  ]),
  'running-first-upload': {
    ...four,
    here: four.here.slice(0, 1),
    pipeline: { state: 'running', jobsReported: 1, jobsTotal: null },
  },
  'running-three-of-four': {
    ...four,
    here: four.here.slice(0, 3),
    pipeline: { state: 'running', jobsReported: 3, jobsTotal: 4 },
  },
  'job-failed': {
    ...four,
    here: four.here.filter(({ name, dataset }) => name !== 'tree' || dataset !== 'wine'),
    endedJobs: ['train: [tree, wine]'],
    pipeline: {
      jobsReported: 3,
      jobsTotal: 4,
      failedJobs: [{ name: 'train: [tree, wine]', status: 'failed', url: `${gitlab}/-/jobs/5099` }],
    },
  },
  missing: { ...four, here: four.here.slice(0, 3), endedJobs: ['train: [logistic, wine]'] },
  'nothing-reported': {
    before: four.before,
    here: [],
    endedJobs: ['train: [tree, iris]', 'train: [tree, wine]'],
    pipeline: {
      jobsReported: 0,
      jobsTotal: 2,
      failedJobs: [
        { name: 'train: [tree, iris]', status: 'failed', url: `${gitlab}/-/jobs/5098` },
        { name: 'train: [tree, wine]', status: 'canceled', url: `${gitlab}/-/jobs/5099` },
      ],
    },
  },
  monorepo: {
    before: [
      ...['xgb', 'linear', 'forest'].map((name) =>
        mainModel({
          name: `fraud/${name}`,
          dataset: 'prod',
          results: { auc: 0.93, recall: 0.71 },
          job: { name: 'fraud' },
        }),
      ),
      ...['a', 'b', 'c', 'd', 'e', 'f'].map((name) =>
        mainModel({
          name: `ranker/${name}`,
          dataset: 'clicks',
          results: { 'ndcg@10': 0.44 },
          job: { name: 'ranker' },
        }),
      ),
    ],
    here: ['xgb', 'linear', 'forest'].map((name, index) =>
      model({
        name: `fraud/${name}`,
        dataset: 'prod',
        results: { auc: 0.93 + (index - 1) / 500, recall: 0.71 },
        job: { name: 'fraud' },
      }),
    ),
    endedJobs: ['fraud'],
  },
  repeats: withRepeats(),
  'data-changed': {
    before: [
      mainModel({ datasetDigest: 'sha256:aa', results: { accuracy: 0.93 } }),
      mainModel({ name: 'knn' }),
    ],
    here: [
      model({ datasetDigest: 'sha256:bb', results: { accuracy: 0.91 } }),
      model({ name: 'knn', results: { accuracy: 0.92 } }),
    ],
  },
  'data-changed-for-all': {
    before: four.before.map((one) => ({ ...one, datasetDigest: `${one.dataset} 1` })),
    here: four.here.map((one) => ({ ...one, datasetDigest: one.dataset === 'wine' ? 'wine 1' : 'iris 2' })),
  },
  'strange-numbers': withStrangeNumbers(),
  'from-a-fork': {
    before: four.before.slice(0, 1),
    here: four.here.slice(0, 1).map((one) => ({ ...one, origin: 'fork:99:812' })),
  },
  'settings-changed': withSettings(),
  'since-last-push': {
    ...four,
    previous: four.here.map((one, index) =>
      index === 0 ? { ...one, results: four.before[0]?.results ?? [] } : one,
    ),
  },
  'since-last-push-nothing': { ...four, previous: four.here },
  'many-models': matrix(120),
  'not-judged': sides([
    pair({}, { gini: 0.41, depth: 7 }, { gini: 0.43, depth: 7 }),
    pair({ name: 'knn' }, { gini: 0.4, depth: 7 }, { gini: 0.4, depth: 7 }),
  ]),
  'worse-outside-the-columns': sides([
    pair(
      {},
      { accuracy: 0.93, f1: 0.92, auc: 0.97, recall: 0.9, fpr: 0.04, latency_ms: 11.2, brier: 0.11 },
      { accuracy: 0.93, f1: 0.92, auc: 0.97, recall: 0.86, fpr: 0.06, latency_ms: 11.2, brier: 0.1 },
    ),
    pair(
      { name: 'knn' },
      { accuracy: 0.93, f1: 0.92, auc: 0.97, recall: 0.9, fpr: 0.04, latency_ms: 11.2, brier: 0.11 },
      { accuracy: 0.93, f1: 0.92, auc: 0.97, recall: 0.9, fpr: 0.04, latency_ms: 10.4, brier: 0.11 },
    ),
  ]),
  'results-gone-and-new': sides([
    pair({}, { accuracy: 0.93, loss: 0.2 }, { accuracy: 0.94, f1: 0.9 }),
    pair({ name: 'knn' }, { accuracy: 0.93, loss: 0.2 }, { accuracy: 0.93 }),
  ]),
  'several-baselines': {
    here: four.here,
    pools: [
      {
        reason: 'merge_base',
        commit: baseSha,
        commitsBehind: 2,
        carriedFrom: null,
        models: four.before.slice(0, 2),
      },
      {
        reason: 'ancestor',
        commit: '0123abc'.padEnd(40, 'd'),
        commitsBehind: 9,
        carriedFrom: null,
        models: four.before.slice(2, 3),
      },
      {
        reason: 'newest',
        commit: 'fedcba9'.padEnd(40, 'e'),
        commitsBehind: 0,
        carriedFrom: null,
        models: four.before.slice(3),
      },
    ],
  },
  'new-model': { before: four.before.slice(0, 2), here: four.here.slice(0, 3) },
  'hostile-names': {
    ...sides([
      pair(
        { name: hostile, dataset: hostile },
        { [hostile]: 1, accuracy: 0.5 },
        { [hostile]: 2, accuracy: 0.4 },
      ),
    ]),
    pipeline: { failedJobs: [{ name: hostile, status: hostile, url: 'javascript:alert(1)' }] },
  },
  'other-scripts': sides([
    pair({ name: 'מודל', dataset: '数据集' }, { accuracy: 0.91, 損失: 0.2 }, { accuracy: 0.93, 損失: 0.1 }),
    pair({ name: 'Überwald-Ähnlichkeit', dataset: 'données 🌷' }, { accuracy: 0.91 }, { accuracy: 0.9 }),
  ]),
}
