import { type Addresses, trainingAddress } from '../../domain/addresses.js'
import { describeResult } from '../../domain/directions.js'
import type { GitLabAddresses } from '../../domain/gitlab-addresses.js'
import type { Artifact, CurveSummary, Named, StoredModel } from '../../domain/model.js'
import type { ListedModel } from '../../domain/trainings.js'
import { type ChartView, lineChart } from '../chart.js'
import type { PageFrame } from '../html.js'
import { figureOf } from '../numbers.js'
import { count } from '../verdict.js'
import {
  columnHead,
  type ColumnHead,
  commitLink,
  type Link,
  type OriginView,
  originView,
  type PageProject,
  type PipelineMergeRequests,
  pipelineLink,
  trainingName,
} from './common.js'
import { type SettingsView, settingsView } from './settings.js'

export interface ModelView extends PageFrame {
  name: string
  dataset: string
  historyHref: string
  jsonHref: string
  /** Null for who may not. */
  deletion: { href: string; name: string } | null
  /** Null where there is only a version. */
  commit: Link | null
  sourceCommit: Link | null
  origin: OriginView
  /** Null for what a person reported. */
  pipeline: Link | null
  job: Link | null
  jobStatus: string
  /** As a person told it. */
  branch: string | null
  at: Date
  repeat: string | null
  trial: string | null
  version: string | null
  datasetDigest: string | null
  testSize: string | null
  results: (ColumnHead & { text: string; exact: string })[]
  moreResults: string | null
  hyperparameters: SettingsView
  parameters: SettingsView
  curves: CurveView[]
  otherCurves: CurveSummaryView[]
  moreCurves: string | null
  artifacts: { path: string; size: string | null; sha256: string | null }[]
  moreArtifacts: string | null
  siblings: SiblingView[]
  moreSiblings: string | null
}

interface CurveView {
  name: string
  chart: ChartView | null
  /** The points of the table; all of them, or some evenly spread. */
  rows: { step: string; value: string }[]
  summary: string
}

interface CurveSummaryView {
  name: string
  count: string
  min: string
  max: string
  last: string
}

/** Another repeat, trial or pipeline of the same commit. */
interface SiblingView {
  href: string
  repeat: string | null
  trial: string | null
  pipeline: string
  isThis: boolean
}

export interface CurvePoints {
  steps: Float64Array
  values: Float64Array
}

export interface ModelInput {
  project: PageProject & { id: string; gitlabProjectId: number | null }
  model: StoredModel
  /** Points of the model's first curves. */
  points: CurvePoints[]
  /** Of the same commit, name and dataset; the model itself among them. */
  siblings: ListedModel[]
  pipelineMergeRequests: PipelineMergeRequests
  mayDelete: boolean
  addresses: Addresses
  gitlab: GitLabAddresses | null
}

/** How many curves are drawn. */
export const drawnCurves = 8
const MAX_ROWS = 200
const MAX_SIBLINGS = 60
const MAX_POINTS = 50

export function modelView(input: ModelInput): ModelView {
  const { project, model, addresses, gitlab } = input
  const { name, dataset } = model
  const historyHref = addresses.history(project.path, model)
  return {
    title: `${name} on ${dataset} at ${trainingName(model)} · ${project.path}`,
    crumbs: [
      { text: 'Projects', href: addresses.projects() },
      { text: project.path, href: addresses.project(project.path) },
      { text: `${name} on ${dataset}`, href: historyHref },
      { text: trainingName(model), href: null },
    ],
    name,
    dataset,
    historyHref,
    jsonHref: addresses.modelJson(project, model.id),
    deletion: input.mayDelete ? { href: addresses.deleteModel(project.id, model.id), name } : null,
    ...contextOf(input),
    ...resultsOf(model.results),
    hyperparameters: settingsView(model.hyperparameters, MAX_ROWS),
    parameters: settingsView(model.parameters, MAX_ROWS),
    ...curvesOf(model.curves, input.points),
    ...artifactsOf(model.artifacts),
    ...siblingsOf(input),
    sourceCommit: model.sourceCommit === null ? null : commitLink(model.sourceCommit, gitlab),
  }
}

function contextOf({ model, gitlab, pipelineMergeRequests }: ModelInput) {
  const { pipeline, job } = model
  return {
    commit: model.commit === null ? null : commitLink(model.commit, gitlab),
    origin: originView(model, gitlab, pipelineMergeRequests),
    pipeline: pipelineLink(pipeline, gitlab),
    job: job && { text: job.name, href: gitlab?.job(job.id) ?? null },
    jobStatus: job?.status ?? '',
    branch: model.pipeline === null ? model.branch : null,
    at: model.uploadedAt,
    repeat: model.repeat,
    trial: model.trial,
    version: model.version,
    datasetDigest: model.datasetDigest,
    testSize: model.testSize === null ? null : figureOf(model.testSize),
  }
}

function resultsOf(results: readonly Named<number>[]): Pick<ModelView, 'results' | 'moreResults'> {
  return {
    results: results.slice(0, MAX_ROWS).map(({ k: name, v: value }) => {
      const { direction, fraction } = describeResult(name)
      const percent = fraction && value >= 0 && value <= 1
      return {
        ...columnHead({ name, direction }),
        text: figureOf(value, percent),
        exact: percent || isRounded(value) ? exactly(value) : '',
      }
    }),
    moreResults: moreThan(results.length, MAX_ROWS, 'result'),
  }
}

/** Whether `figureOf` leaves something out. */
function isRounded(value: number): boolean {
  return (
    Number.isFinite(value) && Number(figureOf(value).replaceAll(',', '').replaceAll('\u2212', '-')) !== value
  )
}

function curvesOf(
  curves: readonly CurveSummary[],
  points: readonly CurvePoints[],
): Pick<ModelView, 'curves' | 'otherCurves' | 'moreCurves'> {
  return {
    curves: points.flatMap((own, index) => {
      const curve = curves[index]
      return curve === undefined ? [] : [curveView(curve, own)]
    }),
    otherCurves: curves.slice(points.length, points.length + MAX_ROWS).map((curve) => ({
      name: curve.name,
      count: figureOf(curve.count),
      min: figureOf(curve.min),
      max: figureOf(curve.max),
      last: figureOf(curve.last),
    })),
    moreCurves: moreThan(curves.length - points.length, MAX_ROWS, 'curve'),
  }
}

function curveView({ name, count: total }: CurveSummary, { steps, values }: CurvePoints): CurveView {
  const indexes = spread(values.length, MAX_POINTS)
  const notFinite = values.reduce((sum, value) => sum + (Number.isFinite(value) ? 0 : 1), 0)
  const shown =
    indexes.length < total ? `${indexes.length} of ${figureOf(total)} values` : count(total, 'value')
  return {
    name,
    chart: lineChart({ name, steps, values }),
    rows: indexes.map((index) => ({
      step: exactly(steps[index]),
      value: exactly(values[index]),
    })),
    summary: notFinite === 0 ? shown : `${shown}; ${figureOf(notFinite)} not finite`,
  }
}

function exactly(value = Number.NaN): string {
  return Number.isFinite(value) ? String(value).replaceAll('-', '\u2212') : figureOf(value)
}

/** At most `most` of the numbers below `length`, evenly spread, the first and the last among them. */
function spread(length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, index) => index)
  return Array.from({ length: most }, (_, index) => Math.round((index * (length - 1)) / (most - 1)))
}

function artifactsOf(artifacts: readonly Artifact[]): Pick<ModelView, 'artifacts' | 'moreArtifacts'> {
  return {
    artifacts: artifacts.slice(0, MAX_ROWS).map(({ path, sizeBytes, sha256 }) => ({
      path,
      size: sizeBytes === null ? null : figureOf(sizeBytes),
      sha256,
    })),
    moreArtifacts: moreThan(artifacts.length, MAX_ROWS, 'artifact'),
  }
}

function siblingsOf(input: ModelInput): Pick<ModelView, 'siblings' | 'moreSiblings'> {
  const { project, model, siblings, addresses } = input
  if (siblings.length < 2) return { siblings: [], moreSiblings: null }
  return {
    siblings: siblings.slice(0, MAX_SIBLINGS).map((sibling) => ({
      href: addresses.model(project.path, trainingAddress(sibling)),
      repeat: sibling.repeat,
      trial: sibling.trial,
      pipeline: sibling.pipeline === null ? 'API token' : String(sibling.pipeline.id),
      isThis: sibling.id === model.id,
    })),
    moreSiblings: moreThan(siblings.length, MAX_SIBLINGS, 'training'),
  }
}

function moreThan(total: number, shown: number, word: string): string | null {
  return total <= shown ? null : `${count(total - shown, `more ${word}`)} in the raw JSON.`
}
