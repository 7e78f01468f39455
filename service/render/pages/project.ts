import { type Addresses, trainingAddress } from '../../domain/addresses.js'
import type { GitLabAddresses } from '../../domain/gitlab-addresses.js'
import { namesOfBranch } from '../../domain/branch-names.js'
import { groupBy } from '../../domain/group.js'
import {
  type DatasetOverview,
  type OverviewCell,
  type OverviewRow,
  summarise,
} from '../../domain/overview.js'
import type { ShownResult } from '../../domain/result-columns.js'
import type { ListedModel, Training } from '../../domain/trainings.js'
import { figureOf } from '../numbers.js'
import { count } from '../verdict.js'
import type { PageFrame } from '../html.js'
import {
  type ColumnHead,
  columnHead,
  type Link,
  markOf,
  type OriginView,
  originView,
  type PageProject,
  type PipelineMergeRequests,
  trainingLink,
  trainingName,
} from './common.js'

export interface ProjectView extends PageFrame {
  path: string
  mark: string | null
  gitlabHref: string | null
  defaultBranch: string | null
  standalone: StandaloneFacts | null
  /** Null for who may not change them. */
  settingsHref: string | null
  resultsHref: string
  isEmpty: boolean
  isFirstPage: boolean
  firstHref: string
  datasets: DatasetView[]
  mergeRequests: {
    text: string
    href: string
    gitlabHref: string | null
    summary: string
    target: string
    at: Date
  }[]
  /** Null where there is none. */
  mergeRequestsText: string | null
  moreMergeRequests: boolean
  reports: ReportView[]
  /** What is not on the page. */
  cuts: string[]
  olderHref: string | null
  serviceUrl: string
}

/** What a project without a repository has. */
interface StandaloneFacts {
  description: string
}

interface DatasetView {
  id: string
  dataset: string
  /** `isJudged`: with a best beside the newest. */
  columns: (ColumnHead & { isJudged: boolean })[]
  hasJudged: boolean
  more: string | null
  rows: RowView[]
}

interface RowView {
  name: string
  href: string
  cells: CellView[]
  newest: TrainingView
}

interface CellView {
  isJudged: boolean
  best: { text: string; href: string; where: string } | null
  isTop: boolean
  newest: string | null
}

interface TrainingView {
  commit: Link
  at: Date
  /** Where it was trained if not on the default branch. */
  elsewhere: OriginView | null
}

interface ReportView {
  at: Date
  /** Null for what a person reported. */
  job: Link | null
  commit: Link
  origin: OriginView
  models: number
}

/** What was last said of a merge request. */
export interface OverviewMergeRequest {
  mrIid: number
  targetBranch: string
  summary: string
  judgedAt: Date
}

export interface ProjectInput {
  project: PageProject & { standalone: StandaloneFacts | null }
  mayConfigure: boolean
  /** Newest first. */
  models: ListedModel[]
  isFirstPage: boolean
  /** The key below which older models are. */
  older: string | null
  isResultsCut: boolean
  /** One more than are shown means that there are more. */
  mergeRequests: OverviewMergeRequest[]
  pipelineMergeRequests: PipelineMergeRequests
  serviceUrl: string
  addresses: Addresses
  gitlab: GitLabAddresses | null
}

export const shownMergeRequests = 20
const shownReports = 10

export function projectView(input: ProjectInput): ProjectView {
  const { project, models, addresses, gitlab, mergeRequests } = input
  const { path, defaultBranch, standalone } = project
  const branch = defaultBranch === null ? null : namesOfBranch(project, defaultBranch)
  return {
    title: path,
    crumbs: [
      { text: 'Projects', href: addresses.projects() },
      { text: path, href: null },
    ],
    path,
    mark: markOf(project),
    gitlabHref: gitlab?.project ?? null,
    defaultBranch,
    standalone,
    settingsHref: input.mayConfigure ? addresses.settings(path) : null,
    resultsHref: addresses.results(project.path),
    isEmpty: models.length === 0 && input.isFirstPage,
    isFirstPage: input.isFirstPage,
    firstHref: addresses.models(path),
    datasets: summarise(models, branch, standalone ? 'all' : 'default branch').map((overview, index) =>
      datasetView(overview, index, input),
    ),
    mergeRequests: mergeRequests.slice(0, shownMergeRequests).map((found) => ({
      text: `!${found.mrIid}`,
      href: addresses.mergeRequest(path, found.mrIid),
      gitlabHref: gitlab?.mergeRequest(found.mrIid) ?? null,
      summary: found.summary,
      target: found.targetBranch,
      at: found.judgedAt,
    })),
    mergeRequestsText: mergeRequestsText(mergeRequests.length),
    moreMergeRequests: mergeRequests.length > shownMergeRequests,
    reports: newestReports(models).map((report) => reportView(report, input)),
    cuts: cutsOf(input),
    olderHref: input.older === null ? null : addresses.models(path, input.older),
    serviceUrl: input.serviceUrl,
  }
}

function mergeRequestsText(number: number): string | null {
  if (number > shownMergeRequests) return `more than ${shownMergeRequests} open merge requests`
  return number === 0 ? null : count(number, 'open merge request')
}

function cutsOf({ models, older, isFirstPage, isResultsCut }: ProjectInput): string[] {
  const which = isFirstPage ? 'newest' : 'next'
  const window = `Made of the ${which} ${count(models.length, 'reported model')}.`
  return [
    ...(older !== null || !isFirstPage ? [window] : []),
    ...(isResultsCut ? ['Of models with more than 100 results, the first 100 are read here.'] : []),
  ]
}

function datasetView(overview: DatasetOverview, index: number, input: ProjectInput): DatasetView {
  const { dataset, columns, moreResults, rows } = overview
  const heads = columns.map((column) => ({ ...columnHead(column), isJudged: column.direction !== 'unknown' }))
  return {
    id: `dataset-${index + 1}`,
    dataset,
    columns: heads,
    hasJudged: heads.some(({ isJudged }) => isJudged),
    more: moreResults === 0 ? null : `${count(moreResults, 'more result')} on the pages of the models.`,
    rows: rows.map((row) => rowView(row, columns, input)),
  }
}

function rowView(row: OverviewRow, columns: readonly ShownResult[], input: ProjectInput): RowView {
  const { project, addresses } = input
  return {
    name: row.name,
    href: addresses.history(project.path, row),
    cells: row.cells.flatMap((cell, index) => {
      const column = columns[index]
      return column === undefined ? [] : [cellView(cell, column, input)]
    }),
    newest: trainingView(row.newest ?? row.latest, row.newest === null, input),
  }
}

function cellView(cell: OverviewCell, { direction, percent }: ShownResult, input: ProjectInput): CellView {
  const { best, isTop, newest } = cell
  return {
    isJudged: direction !== 'unknown',
    best: best && {
      text: figureOf(best.value, percent),
      href: trainingHref(best.training, input),
      where: whereOf(best.training.model),
    },
    isTop,
    newest: newest === null ? null : figureOf(newest, percent),
  }
}

function whereOf(model: ListedModel): string {
  return `${trainingName(model)} ${model.pipeline === null ? 'by API token' : `on ${model.pipeline.ref}`}`
}

function trainingHref({ model }: Training, { project, addresses }: ProjectInput): string {
  return addresses.model(project.path, trainingAddress(model))
}

function trainingView(training: Training, isElsewhere: boolean, input: ProjectInput): TrainingView {
  const { model } = training
  return {
    commit: { text: trainingName(model), href: trainingHref(training, input) },
    at: model.uploadedAt,
    elsewhere: isElsewhere ? originView(model, input.gitlab, input.pipelineMergeRequests) : null,
  }
}

/** The models that one job reported; each of what a person did. */
function newestReports(models: readonly ListedModel[]): ListedModel[][] {
  const byJob = groupBy(models, ({ id, pipeline, job }) =>
    pipeline === null ? id : `${pipeline.id}/${job?.id}`,
  )
  return [...byJob.values()].slice(0, shownReports)
}

function reportView(models: ListedModel[], { gitlab, pipelineMergeRequests }: ProjectInput): ReportView {
  const [model] = models
  if (model === undefined) throw new Error('A report on a page has a model')
  return {
    at: model.uploadedAt,
    job: model.job && { text: model.job.name, href: gitlab?.job(model.job.id) ?? null },
    commit: trainingLink(model, gitlab),
    origin: originView(model, gitlab, pipelineMergeRequests),
    models: models.length,
  }
}
