import { type Addresses, trainingAddress } from '../../domain/addresses.js'
import type { GitLabAddresses } from '../../domain/gitlab-addresses.js'
import { listShownResults, type ShownResult } from '../../domain/result-columns.js'
import type { ListedModel } from '../../domain/trainings.js'
import { figureOf } from '../numbers.js'
import { count } from '../verdict.js'
import type { PageFrame } from '../html.js'
import {
  type ColumnHead,
  columnHead,
  type Link,
  type OriginView,
  originView,
  type PageProject,
  type PipelineMergeRequests,
  pipelineLink,
  trainingName,
} from './common.js'

export interface HistoryView extends PageFrame {
  name: string
  dataset: string
  columns: ColumnHead[]
  hasRepeats: boolean
  hasTrials: boolean
  rows: HistoryRow[]
  cuts: string[]
  isFirstPage: boolean
  firstHref: string
  olderHref: string | null
}

interface HistoryRow {
  at: Date
  href: string
  commit: string
  origin: OriginView
  /** Null for what a person reported. */
  pipeline: Link | null
  repeat: string | null
  trial: string | null
  results: (string | null)[]
}

export interface HistoryInput {
  project: PageProject
  name: string
  dataset: string
  /** Newest first. */
  models: ListedModel[]
  isFirstPage: boolean
  older: string | null
  pipelineMergeRequests: PipelineMergeRequests
  addresses: Addresses
  gitlab: GitLabAddresses | null
}

const MAX_COLUMNS = 6

export function historyView(input: HistoryInput): HistoryView {
  const { project, name, dataset, models, addresses, older } = input
  const results = listShownResults(models.map((model) => model.results))
  const columns = results.slice(0, MAX_COLUMNS)
  const more = results.length - columns.length
  return {
    title: `${name} on ${dataset} · ${project.path}`,
    crumbs: [
      { text: 'Projects', href: addresses.projects() },
      { text: project.path, href: addresses.project(project.path) },
      { text: `${name} on ${dataset}`, href: null },
    ],
    name,
    dataset,
    columns: columns.map(columnHead),
    hasRepeats: models.some(({ repeat }) => repeat !== null),
    hasTrials: models.some(({ trial }) => trial !== null),
    rows: models.map((model) => rowView(model, columns, input)),
    cuts: more > 0 ? [`${count(more, 'more result')} on the pages of the commits.`] : [],
    isFirstPage: input.isFirstPage,
    firstHref: addresses.history(project.path, { name, dataset }),
    olderHref: older === null ? null : addresses.history(project.path, { name, dataset }, older),
  }
}

function rowView(model: ListedModel, columns: readonly ShownResult[], input: HistoryInput): HistoryRow {
  const { project, addresses, gitlab, pipelineMergeRequests } = input
  const values = new Map(model.results.map(({ k, v }) => [k, v]))
  return {
    at: model.uploadedAt,
    href: addresses.model(project.path, trainingAddress(model)),
    commit: trainingName(model),
    origin: originView(model, gitlab, pipelineMergeRequests),
    pipeline: pipelineLink(model.pipeline, gitlab),
    repeat: model.repeat,
    trial: model.trial,
    results: columns.map(({ name, percent }) => {
      const value = values.get(name)
      return value === undefined ? null : figureOf(value, percent)
    }),
  }
}
