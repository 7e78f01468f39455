import type { Addresses } from '../../domain/addresses.js'
import type { BaselineReason } from '../../domain/baseline.js'
import type { ComparedResult, ModelState, Search } from '../../domain/comparison.js'
import type {
  ComparedBaseline,
  ComparedPipeline,
  ComparedRow,
  ComparedSetting,
  ComparedTable,
} from '../../domain/compared-table.js'
import type { GitLabAddresses } from '../../domain/gitlab-addresses.js'
import type { StoredRules, StoredVerdict } from '../../domain/stored-verdict.js'
import type { PageFrame } from '../html.js'
import { figureOf, figures, figuresApart } from '../numbers.js'
import { visibleText } from '../text.js'
import { besidesGate, count, countWords, STATE_WORDS } from '../verdict.js'
import {
  type ColumnHead,
  columnHead,
  commitLink,
  type Link,
  markOf,
  type PageProject,
  shortSha,
} from './common.js'
import {
  type EditView,
  editedView,
  type GateView,
  gateView,
  type RulesView,
  rulesView,
} from './merge-request-gate.js'

export interface MergeRequestView extends PageFrame {
  heading: string
  mark: string | null
  gitlabHref: string | null
  /** What a form of the page did; null where none was sent. */
  result: { text: string; isBad: boolean } | null
  /** Null where no gate is told of in one sentence. */
  gateSentence: string | null
  hasNoGate: boolean
  /** The rest, or all there is to say. */
  summary: string
  state: string
  target: string
  head: Link
  pipeline: Link
  pipelineWords: string
  judgedAt: Date
  baselines: BaselineView[]
  failedJobs: { job: Link; status: string }[]
  /** Null for rows of older versions. */
  gate: GateView | null
  rules: RulesView | null
  /** What the merge request's own rules would say; null where it does not touch them. */
  edited: EditView | null
  columns: ColumnHead[]
  rows: RowView[]
  details: DetailView[]
  cuts: string[]
}

interface BaselineView {
  commit: Link
  why: string
  models: string
}

interface StateView {
  state: ModelState
  word: string
}

interface RowView extends StateView {
  name: string
  dataset: string
  href: string
  /** What one must know before reading the numbers. */
  facts: string
  cells: FigureView[]
  detailsId: string | null
}

/** One result, old beside new; parts that are absent are null. */
interface FigureView {
  state: string
  word: string
  old: string | null
  new: string | null
  difference: string | null
  relative: string | null
  /** Nothing to compare: only the one value is shown. */
  isAlone: boolean
}

interface DetailView extends StateView {
  id: string
  name: string
  dataset: string
  baseline: string
  results: (ColumnHead & FigureView & { facts: string })[]
  moreResults: string | null
  settings: { name: string; kind: string; old: string | null; new: string | null }[]
  moreSettings: string | null
}

export interface MergeRequestInput {
  project: PageProject & { id: string; gitlabProjectId: number }
  /** Whether whoever looks may accept what is broken. */
  mayAccept: boolean
  /** The word of what a form did. */
  result: string | null
  /** Of the service, for what people run in a shell. */
  publicUrl: string
  mrIid: number
  mrState: string
  targetBranch: string
  headSha: string
  summary: string
  table: ComparedTable
  pipeline: ComparedPipeline
  verdict?: StoredVerdict
  rules?: StoredRules
  judgedAt: Date
  addresses: Addresses
  gitlab: GitLabAddresses | null
}

const MAX_DETAILS = 100
const MAX_DETAIL_RESULTS = 50
const NAME = 60
/** States that a figure does not show by itself. */
const SAID: ReadonlySet<ModelState> = new Set(['worse', 'better', 'noise'])
const VALUE = 80

const reasons: Record<BaselineReason, string> = {
  merged_results_target: 'the commit this is merged with',
  merge_base: 'merge base',
  ancestor: 'nearest ancestor with results',
  newest: 'newest results on the branch, not an ancestor',
}

export function mergeRequestView(input: MergeRequestInput): MergeRequestView {
  const { project, mrIid, table, pipeline, addresses, gitlab } = input
  const { path } = project
  const gate = gateOf(input)
  const hasNoGate = gate?.isSet === false
  return {
    title: `!${mrIid} · ${path}`,
    crumbs: [
      { text: 'Projects', href: addresses.projects() },
      { text: path, href: addresses.project(path) },
      { text: `!${mrIid}`, href: null },
    ],
    heading: `Merge request !${mrIid}`,
    mark: markOf(input.project),
    gitlabHref: gitlab?.mergeRequest(mrIid) ?? null,
    result: resultWords.get(input.result ?? '') ?? null,
    gateSentence: gate === null || hasNoGate ? null : gate.sentence,
    hasNoGate,
    summary: gate === null ? input.summary : summaryBeside(input),
    state: input.mrState === 'opened' ? 'open' : input.mrState,
    target: input.targetBranch,
    head: commitLink(input.headSha, gitlab),
    pipeline: { text: String(pipeline.id), href: gitlab?.pipeline(pipeline.id) ?? null },
    pipelineWords: pipelineWords(pipeline),
    judgedAt: input.judgedAt,
    baselines: baselinesOf(table, gitlab),
    failedJobs: pipeline.failedJobs.map(({ name, status, url }) => ({
      job: { text: name, href: httpHref(url) },
      status,
    })),
    gate,
    edited: editedView(input),
    rules: input.rules === undefined ? null : rulesView({ ...input, rules: input.rules }),
    columns: table.columns.map(columnHead),
    rows: table.rows.map((row, index) => rowView(row, index, input)),
    details: table.rows.slice(0, MAX_DETAILS).map(detailView),
    cuts: cutsOf(table),
  }
}

/** A summary that tells of a failed gate does not count the models. */
function summaryBeside({ summary, table: { rows, rowsTotal } }: MergeRequestInput): string {
  const words = besidesGate(summary)
  if (!summary.startsWith('gate failed') || rowsTotal > rows.length) return words
  const counts = countWords(rows)
  return [...(words === '' ? [] : [words]), ...counts].join(', ')
}

const resultWords: ReadonlyMap<string, { text: string; isBad: boolean }> = new Map([
  ['accepted', { text: 'Accepted. The note and the status of the commit follow.', isBad: false }],
  ['withdrawn', { text: 'Withdrawn. The note and the status of the commit follow.', isBad: false }],
  [
    'no-reason',
    { text: 'A reason is needed, of at most 500 characters. Nothing was accepted.', isBad: true },
  ],
  ['head-changed', { text: 'There is a newer head. Look at it first; nothing was accepted.', isBad: true }],
  ['nothing', { text: 'There is nothing left to accept.', isBad: true }],
])

/** Verdicts of older versions do not say what was broken. */
function gateOf({ verdict, ...input }: MergeRequestInput): GateView | null {
  return verdict?.applied === undefined ? null : gateView({ ...input, verdict })
}

function httpHref(url: string): string | null {
  return /^https?:\/\//.test(url) ? url : null
}

function pipelineWords({ state, jobsReported, jobsTotal }: ComparedPipeline): string {
  if (state === 'running') return `running, ${count(jobsReported, 'job')} reported so far`
  if (jobsTotal === null) return `finished, ${count(jobsReported, 'job')} reported`
  return `finished, ${jobsReported} of ${count(jobsTotal, 'job')} reported`
}

/** The commits that were compared with, most used first. */
function baselinesOf({ rows }: ComparedTable, gitlab: GitLabAddresses | null): BaselineView[] {
  const used = new Map<string, { baseline: ComparedBaseline; models: number }>()
  for (const { baseline, state } of rows) {
    if (baseline === null || state === 'not_run') continue
    const key = JSON.stringify([baseline.commit, baselineWords(baseline)])
    used.set(key, { baseline, models: (used.get(key)?.models ?? 0) + 1 })
  }
  return [...used.values()]
    .sort((a, b) => b.models - a.models)
    .slice(0, 10)
    .map(({ baseline, models }) => ({
      commit: commitLink(baseline.commit, gitlab),
      why: baselineWords(baseline),
      models: count(models, 'model'),
    }))
}

function baselineWords({ reason, commitsBehind, carriedFrom }: ComparedBaseline): string {
  return [
    reasons[reason],
    ...(commitsBehind === null || commitsBehind === 0 ? [] : [`${count(commitsBehind, 'commit')} behind`]),
    ...(carriedFrom ? [`from !${carriedFrom.mrIid}, not retrained`] : []),
  ].join(', ')
}

function cutsOf({ rows, rowsTotal }: ComparedTable): string[] {
  return [
    ...(rowsTotal > rows.length ? [`The worst ${rows.length} of ${rowsTotal} models are kept.`] : []),
    ...(rows.length > MAX_DETAILS ? [`Details of the first ${MAX_DETAILS} models.`] : []),
  ]
}

function rowView(row: ComparedRow, index: number, input: MergeRequestInput): RowView {
  const { project, table, addresses } = input
  const { dataset, name, state, here, baseline } = row
  const side = here ?? baseline
  const model = { name, dataset, commit: side?.commit ?? '', repeat: side?.repeat ?? null, trial: null }
  return {
    name,
    dataset,
    href: side === null ? addresses.history(project.path, model) : addresses.model(project.path, model),
    state,
    word: STATE_WORDS[state],
    facts: factsOf(row).join(', '),
    cells: table.columns.map(({ name }) => figureView(row, name)),
    detailsId: index < MAX_DETAILS ? `model-${index + 1}` : null,
  }
}

function factsOf({ here, baseline, datasetChanged, search }: ComparedRow): string[] {
  const before = baseline?.repeats ?? here?.repeats ?? 0
  const isMean = here !== null && (here.repeats > 1 || before > 1)
  return [
    ...(isMean
      ? [before === here.repeats ? `mean of ${before}` : `mean of ${here.repeats}, before of ${before}`]
      : []),
    ...(datasetChanged ? ['other data'] : []),
    ...(here?.isFork ? ['from a fork'] : []),
    ...(search === undefined ? [] : [searchWords(search)]),
  ]
}

function searchWords({ trials, chosen, by }: Search): string {
  const label = chosen === null ? '' : ` ${visibleText(chosen, NAME)}`
  const words: Record<Search['by'], string> = {
    report: `reported beside ${count(trials, 'trial')}`,
    job: `trial${label} of ${trials}, chosen by its job`,
    result: `trial${label}, the best of ${trials}`,
    none: `none of ${count(trials, 'trial')} chosen`,
  }
  return words[by]
}

function figureView(row: ComparedRow, name: string): FigureView {
  const result = row.results.find((candidate) => candidate.name === name)
  if (result === undefined) {
    return { state: '', word: '', old: null, new: null, difference: null, relative: null, isAlone: true }
  }
  const text = figures(result)
  const isAlone = row.baseline === null || row.here === null || result.state === 'same'
  return {
    ...text,
    new: row.here === null ? text.old : text.new,
    state: result.state,
    word: SAID.has(result.state) ? STATE_WORDS[result.state] : '',
    isAlone,
  }
}

function detailView(row: ComparedRow, index: number): DetailView {
  const { dataset, name, state, baseline, results, resultsTotal, settings, settingsTotal } = row
  const shown = results.slice(0, MAX_DETAIL_RESULTS)
  return {
    id: `model-${index + 1}`,
    name,
    dataset,
    state,
    word: STATE_WORDS[state],
    baseline:
      baseline === null
        ? 'nothing to compare with'
        : `${shortSha(baseline.commit)}, ${baselineWords(baseline)}`,
    results: shown.map((result) => ({
      ...columnHead(result),
      ...figuresApart(result),
      state: result.state,
      word: STATE_WORDS[result.state],
      facts: certainty(result),
      isAlone: false,
    })),
    moreResults: more(resultsTotal - shown.length, 'result'),
    settings: settings.map(settingView),
    moreSettings: more(settingsTotal - settings.length, 'changed setting'),
  }
}

/** How many trainings the means are of, and how sure the difference is. */
function certainty(result: ComparedResult): string {
  const { oldRepeats, newRepeats, old, new: current } = result
  const isMean = oldRepeats > 1 || newRepeats > 1
  const sides = [...(old === null ? [] : [oldRepeats]), ...(current === null ? [] : [newRepeats])]
  return [
    ...(isMean ? [`mean of ${sides.join(' before, ')}${sides.length > 1 ? ' here' : ''}`] : []),
    ...noiseWords(result),
    ...sampleWords(result),
  ].join('; ')
}

/** Rows of older versions say nothing of it. */
function noiseWords({ noise }: Partial<ComparedResult>): string[] {
  if (!noise) return []
  const percent = noise.p * 100
  const chance = noise.p < 0.001 ? 'less than 0.1%' : `${percent.toFixed(percent < 10 ? 1 : 0)}%`
  const told =
    noise.kind === 'repeats'
      ? 'told by the repeats'
      : `told by the last ${count(noise.historyCount, 'training')} of the target branch`
  return [`chance alone makes such a difference ${chance} of the time, ${told}`]
}

function sampleWords({ sampleWorth, percent }: Partial<ComparedResult>): string[] {
  if (!sampleWorth || percent !== true) return []
  return [`one sample of the test data is worth ${figureOf(sampleWorth, { percent }).replace('%', ' pp')}`]
}

function settingView({ kind, path, old, new: current }: ComparedSetting): DetailView['settings'][number] {
  return {
    name: visibleText(path, NAME),
    kind,
    old: old === null ? null : visibleText(old, VALUE),
    new: current === null ? null : visibleText(current, VALUE),
  }
}

function more(number: number, word: string): string | null {
  return number <= 0 ? null : `${count(number, `more ${word}`)} not shown.`
}
