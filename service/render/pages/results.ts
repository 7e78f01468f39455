import { type Addresses, trainingAddress } from '../../domain/addresses.js'
import type { GitLabAddresses } from '../../domain/gitlab-addresses.js'
import type { StoredModel } from '../../domain/model.js'
import { listShownResults, type ShownResult } from '../../domain/result-columns.js'
import { type ColumnKey, isFieldName, namedKey, parseNamedKey } from '../../domain/table/cells.js'
import { cellOf } from '../../domain/table/chunks.js'
import {
  formatCondition,
  formatKey,
  formatTableQuery,
  type QueryProblem,
  type TableQuery,
} from '../../domain/table/query.js'
import type { Condition, Operator, Sort } from '../../domain/table/selection.js'
import type { PageFrame } from '../html.js'
import { figureOf, figures } from '../numbers.js'
import { count } from '../verdict.js'
import {
  type Link,
  type OriginView,
  originView,
  type PageProject,
  type PipelineMergeRequests,
  trainingName,
} from './common.js'

export interface ResultsView extends PageFrame {
  project: string
  /** What of the address made no sense. */
  problems: { parameter: string; value: string; message: string }[]
  /** Leads to what is shown in spite of it; null where nothing was wrong. */
  nearestHref: string | null
  summary: string
  filters: FilterView
  chips: { text: string; href: string }[]
  columns: ResultsHead[]
  fields: { model: ResultsHead; dataset: ResultsHead; branch: ResultsHead; time: ResultsHead }
  pinned: ResultsRow | null
  unpinHref: string
  rows: ResultsRow[]
  isFiltered: boolean
  allHref: string
  previousHref: string | null
  nextHref: string | null
  csvHref: string
  ndjsonHref: string
  chooser: ChooserView
}

interface ResultsHead {
  name: string
  /** `hyperparameter`, `parameter`; empty for results. */
  kind: string
  arrow: string
  meaning: string
  href: string
  /** Of `aria-sort`. */
  sorted: 'ascending' | 'descending' | 'none'
  sortArrow: string
}

interface ResultsRow {
  href: string
  model: string
  dataset: string
  commit: string
  repeat: string | null
  trial: string | null
  at: Date
  person: Link
  origin: OriginView
  pinHref: string
  cells: ResultsCell[]
}

interface ResultsCell {
  /** Null where the model has none. */
  text: string | null
  /** Outside text rather than a number. */
  isWord: boolean
  difference: string | null
}

interface Choice {
  value: string
  text: string
  isChosen: boolean
}

interface FilterView {
  action: string
  hidden: { name: string; value: string }[]
  lists: { name: string; label: string; isMultiple: boolean; choices: Choice[] }[]
  texts: { name: string; label: string; value: string; hint: string }[]
  keys: string[]
  operators: { value: string; text: string }[]
}

interface ChooserView {
  hidden: { name: string; value: string }[]
  groups: { label: string; choices: Choice[]; more: string | null }[]
}

export interface ResultsInput {
  project: PageProject
  query: TableQuery
  problems: QueryProblem[]
  models: StoredModel[]
  pinned: StoredModel | null
  page: {
    total: number
    before: number
    models: number
    previous: TableQuery['start']
    next: TableQuery['start']
  }
  /** All columns that there are. */
  keys: ReadonlySet<ColumnKey>
  values: ReadonlyMap<ColumnKey, { value: number | string; count: number }[]>
  usernames: ReadonlyMap<number, string>
  pipelineMergeRequests: PipelineMergeRequests
  addresses: Addresses
  gitlab: GitLabAddresses | null
}

const mostResults = 6
const mostSettings = 3
const mostChoices = 150

export function resultsView(input: ResultsInput): ResultsView {
  const { project, query, problems, models, page, addresses } = input
  const shown = shownColumns(input)
  const percents = percentsOf(input)
  const href = (changes: Partial<TableQuery>) =>
    addresses.results(project.path, formatTableQuery({ ...query, start: null, ...changes }))
  const exported = formatTableQuery({ ...query, start: null, pin: null })
  return {
    title: `Results · ${project.path}`,
    crumbs: [
      { text: 'Projects', href: addresses.projects() },
      { text: project.path, href: addresses.project(project.path) },
      { text: 'Results', href: null },
    ],
    project: project.path,
    problems,
    nearestHref: problems.length === 0 ? null : href({ start: query.start }),
    summary: summaryOf(page, models.length),
    filters: filtersOf(input),
    chips: chipsOf(query, href),
    columns: shown.map((key) => headOf(key, query.sort, href)),
    fields: {
      model: headOf('model', query.sort, href),
      dataset: headOf('dataset', query.sort, href),
      branch: headOf('branch', query.sort, href),
      time: headOf('time', query.sort, href),
    },
    pinned: input.pinned && rowOf(input.pinned, { input, shown, percents, href }),
    unpinHref: href({ pin: null, start: query.start }),
    rows: models.map((model) => rowOf(model, { input, shown, percents, href })),
    isFiltered: page.total < page.models,
    allHref: addresses.results(project.path),
    previousHref: page.previous && href({ start: page.previous }),
    nextHref: page.next && href({ start: page.next }),
    csvHref: addresses.results(project.path, exported, 'csv'),
    ndjsonHref: addresses.results(project.path, exported, 'ndjson'),
    chooser: chooserOf(input, shown),
  }
}

type Href = (changes: Partial<TableQuery>) => string

function summaryOf({ total, before, models }: ResultsInput['page'], shown: number): string {
  const all = `${grouped(models)} ${models === 1 ? 'model' : 'models'}`
  const of = total < models ? `${grouped(total)} of ${all}` : all
  if (shown === 0 || total <= shown) return of
  return `${grouped(before + 1)} to ${grouped(before + shown)} of ${of}`
}

function grouped(number: number): string {
  return number.toLocaleString('en')
}

/** As chosen; else the best known results here, the hyperparameters that differ here, and what is asked about. */
function shownColumns({ query, models }: ResultsInput): ColumnKey[] {
  if (query.columns.length > 0) return query.columns.filter((key) => !alwaysShown.has(key))
  const results = listShownResults(models.map((model) => model.results)).slice(0, mostResults)
  const varying = new Map<string, Set<unknown>>()
  for (const model of models) {
    for (const { k, v } of model.hyperparameters) {
      varying.set(k, (varying.get(k) ?? new Set()).add(typeof v === 'object' ? JSON.stringify(v) : v))
    }
  }
  const settings = [...varying].filter(([, values]) => values.size > 1).slice(0, mostSettings)
  const asked = [query.sort.key, ...query.where.map(({ key }) => key)].filter((key) => !alwaysShown.has(key))
  const usual = [
    ...results.map(({ name }) => namedKey('r', name)),
    ...settings.map(([name]) => namedKey('h', name)),
  ]
  return [...new Set([...asked, ...usual])]
}

const alwaysShown = new Set<ColumnKey>([
  'model',
  'dataset',
  'branch',
  'tag',
  'time',
  'commit',
  'repeat',
  'trial',
  'person',
])

function percentsOf({ models, pinned }: ResultsInput): ReadonlyMap<string, ShownResult> {
  const rows = [...models, ...(pinned === null ? [] : [pinned])].map((model) => model.results)
  return new Map(listShownResults(rows).map((shown) => [shown.name, shown]))
}

const kindWords = { r: '', h: 'hyperparameter', p: 'parameter' } as const
const directions = {
  higher: { arrow: '↑', meaning: 'higher is better' },
  lower: { arrow: '↓', meaning: 'lower is better' },
  unknown: { arrow: '', meaning: '' },
} as const

function headOf(key: ColumnKey, sort: Sort, href: Href): ResultsHead {
  const named = parseNamedKey(key)
  const direction =
    named?.kind === 'r'
      ? (listShownResults([[{ k: named.name, v: 0 }]])[0]?.direction ?? 'unknown')
      : 'unknown'
  const isSorted = sort.key === key
  const startsDown = direction === 'higher' || key === 'time'
  const next = { key, descending: isSorted ? !sort.descending : startsDown }
  return {
    name: named?.name ?? fieldWords[key] ?? key,
    kind: named === null ? '' : kindWords[named.kind],
    ...directions[direction],
    href: href({ sort: next }),
    sorted: isSorted ? (sort.descending ? 'descending' : 'ascending') : 'none',
    sortArrow: isSorted ? (sort.descending ? '▼' : '▲') : '',
  }
}

const fieldWords: Record<string, string> = {
  time: 'Reported',
  model: 'Model',
  dataset: 'Dataset',
  branch: 'From',
  pipeline: 'Pipeline',
  version: 'Version',
}

interface RowContext {
  input: ResultsInput
  shown: readonly ColumnKey[]
  percents: ReadonlyMap<string, ShownResult>
  href: Href
}

function rowOf(model: StoredModel, { input, shown, percents, href }: RowContext): ResultsRow {
  const { project, query, pinned, usernames, addresses, gitlab, pipelineMergeRequests } = input
  return {
    href: addresses.model(project.path, trainingAddress(model)),
    model: model.name,
    dataset: model.dataset,
    commit: trainingName(model),
    repeat: model.repeat,
    trial: model.trial,
    at: model.uploadedAt,
    person: { text: usernames.get(model.userId) ?? '', href: href({ person: String(model.userId) }) },
    origin: originView(model, gitlab, pipelineMergeRequests),
    pinHref: href({ pin: model.id, start: query.start }),
    cells: shown.map((key) => resultsCell(key, model, { pinned, percents })),
  }
}

function resultsCell(
  key: ColumnKey,
  model: StoredModel,
  { pinned, percents }: { pinned: StoredModel | null; percents: ReadonlyMap<string, ShownResult> },
): ResultsCell {
  const value = cellOf(tableModelOf(model), key)
  if (value === null) return { text: null, isWord: false, difference: null }
  if (typeof value === 'string') return { text: value, isWord: true, difference: null }
  const named = parseNamedKey(key)
  if (named?.kind !== 'r') return { text: String(value), isWord: false, difference: null }
  const percent = percents.get(named.name)?.percent ?? false
  const other = pinned === null || pinned.id === model.id ? null : cellOf(tableModelOf(pinned), key)
  if (typeof other !== 'number') return { text: figureOf(value, percent), isWord: false, difference: null }
  const text = figures({ old: other, new: value, difference: value - other, relative: null, percent })
  return { text: figureOf(value, percent), isWord: false, difference: text.difference ?? '±0' }
}

function tableModelOf(model: StoredModel) {
  const ref = model.pipeline === null ? undefined : model.pipeline.ref
  const refType = model.pipeline === null ? undefined : model.pipeline.refType
  const branch = 'branch' in model ? model.branch : null
  return { ...model, ref, refType, branch, pipelineId: model.pipeline?.id ?? null }
}

const operatorWords: Record<Operator, string> = {
  '=': 'is',
  '!=': 'is not',
  '>=': 'at least',
  '<=': 'at most',
  '>': 'above',
  '<': 'below',
  '~': 'contains',
  '^': 'begins with',
  has: 'is there',
  lacks: 'is not there',
}
const formSigns: [string, string][] = [
  ['=', 'is'],
  ['!=', 'is not'],
  ['>=', 'at least'],
  ['<=', 'at most'],
  ['~', 'contains'],
  ['^', 'begins with'],
  ['?', 'is there'],
  ['!?', 'is not there'],
]

const lists = [
  { name: 'dataset', label: 'Dataset' },
  { name: 'model', label: 'Model' },
  { name: 'branch', label: 'Branch' },
] as const

function filtersOf({ project, query, values, keys, addresses }: ResultsInput): FilterView {
  const kept = formatTableQuery({ ...query, start: null })
  const asked = ['dataset', 'model', 'branch', 'commit', 'mr', 'person', 'since', 'until']
  return {
    action: addresses.results(project.path),
    hidden: [...kept].filter(([name]) => !asked.includes(name)).map(([name, value]) => ({ name, value })),
    lists: lists.map(({ name, label }) => ({
      name,
      label,
      isMultiple: query[name].length > 1,
      choices: choicesOf(query[name], values.get(name) ?? []),
    })),
    texts: [
      { name: 'commit', label: 'Commit', value: query.commit ?? '', hint: '4f2a91c' },
      {
        name: 'mr',
        label: 'Merge request',
        value: query.mergeRequest === null ? '' : String(query.mergeRequest),
        hint: '12',
      },
      { name: 'person', label: 'Person', value: query.person ?? '', hint: 'username' },
      { name: 'since', label: 'Since', value: query.since ?? '', hint: '7d or 2026-11-01' },
      { name: 'until', label: 'Until', value: query.until ?? '', hint: '2026-11-30' },
    ],
    keys: [...keys].filter((key) => !isFieldName(key)).slice(0, mostChoices),
    operators: formSigns.map(([value, text]) => ({ value, text })),
  }
}

function choicesOf(
  chosen: readonly string[],
  values: readonly { value: number | string; count: number }[],
): Choice[] {
  const there = values.map(({ value, count: models }) => ({
    value: String(value),
    text: `${value} (${grouped(models)})`,
    isChosen: chosen.includes(String(value)),
  }))
  const others = chosen.filter((one) => !values.some(({ value }) => value === one))
  return [...others.map((value) => ({ value, text: value, isChosen: true })), ...there]
}

function chipsOf(query: TableQuery, href: Href): ResultsView['chips'] {
  const chips = lists.flatMap(({ name, label }) => {
    if (query[name].length === 0) return []
    return [{ text: `${label} is ${query[name].join(' or ')}`, href: href({ [name]: [] }) }]
  })
  if (query.tag.length > 0) chips.push({ text: `Tag is ${query.tag.join(' or ')}`, href: href({ tag: [] }) })
  const singles = { commit: 'Commit', person: 'Person', since: 'Since', until: 'Until' } as const
  for (const [name, label] of Object.entries(singles)) {
    const value = query[name as keyof typeof singles]
    if (value !== null) chips.push({ text: `${label} ${value}`, href: href({ [name]: null }) })
  }
  if (query.mergeRequest !== null) {
    chips.push({ text: `Merge request !${query.mergeRequest}`, href: href({ mergeRequest: null }) })
  }
  for (const condition of query.where) {
    const others = query.where.filter((other) => formatCondition(other) !== formatCondition(condition))
    chips.push({ text: conditionText(condition), href: href({ where: others }) })
  }
  return chips
}

function conditionText({ key, operator, value }: Condition): string {
  return `${parseNamedKey(key)?.name ?? key} ${operatorWords[operator]} ${value}`.trim()
}

const groups = [
  { kind: 'r', label: 'Results' },
  { kind: 'h', label: 'Hyperparameters' },
  { kind: 'p', label: 'Parameters' },
] as const

function chooserOf({ query, keys }: ResultsInput, shown: readonly ColumnKey[]): ChooserView {
  const kept = formatTableQuery({ ...query, start: null, columns: [] })
  return {
    hidden: [...kept].map(([name, value]) => ({ name, value })),
    groups: groups.flatMap(({ kind, label }) => {
      const own = [...keys].filter((key) => key.startsWith(`${kind}:`))
      if (own.length === 0) return []
      const chosen = own.filter((key) => shown.includes(key))
      const others = own.filter((key) => !shown.includes(key)).sort()
      const listed = [...chosen, ...others].slice(0, mostChoices)
      const more = own.length - listed.length
      return [
        {
          label,
          choices: listed.map((key) => ({
            value: formatKey(key),
            text: key.slice(2),
            isChosen: shown.includes(key),
          })),
          more: more > 0 ? `${count(more, 'more')}: name them as column= in the address.` : null,
        },
      ]
    }),
  }
}
