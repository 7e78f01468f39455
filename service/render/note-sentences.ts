import { identityOf } from '../domain/baseline.js'
import type { ComparedModel, Comparison, ResultColumn } from '../domain/comparison.js'
import { compareWithLastPush, type PushChange } from '../domain/last-push.js'
import { groupBy } from '../domain/group.js'
import type { Json } from '../domain/model.js'
import type { SettingChange } from '../domain/settings.js'
import { changeOf, SHORT_NAME } from './cells.js'
import { folderOf } from './folders.js'
import type { NoteView } from './columns.js'
import { code, gfm, join, link, type Markdown, nothing } from './markdown.js'
import { saidByGate } from './note-gate.js'
import { endedWords, runTarget } from './note-next.js'
import { listed, nameOf } from './note-words.js'
import { settingChange } from './setting-values.js'
import { isFirstReport, isFromFork, silentJobs } from './verdict.js'

const MAX_SETTINGS = 6

/** Those that the gate links to need no sentence of their own. */
export function renderFailedJobs(view: NoteView): Markdown | null {
  const { failedJobs } = view.pipeline
  const { jobs: said } = saidByGate(view)
  if (failedJobs.every(({ name }) => said.has(name))) return null
  const jobs = listed(failedJobs, endedWords, { separator: gfm`, ` })
  const what = failedJobs.length === 1 ? gfm`retry it` : gfm`retry them`
  const next = view.verdict.state === 'fail' ? nothing : gfm` **Next:** ${what}.`
  return gfm`**Not finished:** ${jobs}.${next}`
}

/** Expected jobs of which nothing came, though they ended well. */
export function renderSilentJobs(view: NoteView): Markdown | null {
  const silent = silentJobs(view)
  if (silent.length === 0) return null
  const names = listed(silent, (name) => code(name), { separator: gfm`, ` })
  const retry = link(gfm`retry ${silent.length === 1 ? gfm`it` : gfm`them`}`, view.pipeline.url)
  return gfm`**Sent nothing:** ${names} ended without sending results. Find out why, or ${retry}.`
}

/** Nothing here is new or gone: a pipeline that trains nothing. */
export function renderNothingTrained({ comparison, pipeline, preview }: NoteView): Markdown | null {
  const { state, failedJobs, silentJobs } = pipeline
  const isQuiet = state === 'finished' && failedJobs.length + silentJobs.length === 0
  if (!isQuiet || preview !== undefined || comparison.rows.some((row) => row.state !== 'not_run')) return null
  return gfm`No model was trained in this pipeline, so there is nothing to compare. Nothing to do if that is intended.`
}

/** What comes from another project is shown, and counts for nothing else. */
export function renderFork(view: NoteView): Markdown | null {
  const others = view.comparison.rows.filter(isFromFork)
  if (!view.isFork && others.length === 0) return null
  if (!view.isFork) {
    const names = listed(others, (row) => nameOf(row, view), { separator: gfm`, ` })
    return gfm`**From a fork:** the results of ${names} never become a baseline.`
  }
  return gfm`**From a fork:** these results never become a baseline, and no gate depends on them.`
}

/** Names the dataset, or its models where it changed for some of them only. */
export function renderOtherData(view: NoteView): Markdown | null {
  const trained = view.comparison.rows.filter(({ models }) => models.length > 0)
  const changed = [...groupBy(trained, ({ dataset }) => dataset)].flatMap(([dataset, rows]) => {
    const others = rows.filter((row) => row.datasetChanged)
    return others.length === rows.length
      ? [gfm`dataset ${dataset}`]
      : others.map((row) => gfm`model ${nameOf(row, view)}`)
  })
  if (changed.length === 0) return null
  const names = listed(changed, (name) => name, { separator: gfm`, ` })
  return gfm`**Test data changed** for ${names}: before and after cannot be compared, so they are not judged.`
}

/** Those of jobs that are named already, as failed or by the gate, need no sentence of their own. */
export function renderMissing(view: NoteView): Markdown | null {
  const { comparison, pipeline } = view
  const failed = new Set(pipeline.failedJobs.map(({ name }) => name))
  const { models: said } = saidByGate(view)
  const missing = comparison.rows.filter(
    (row) =>
      row.state === 'missing' &&
      !said.has(identityOf(row)) &&
      !row.baseline?.models.every((model) => failed.has(model.job.name)),
  )
  if (missing.length === 0) return null
  const parts = listed(missing, (row) => {
    const job = row.baseline?.models[0]?.job.name ?? ''
    return gfm`${nameOf(row, view)} (job ${job})`
  })
  return gfm`**Missing:** a job ended without sending what it sent before: ${parts}`
}

/** Folders of which nothing was trained: one line, only where rows are grouped by folder. */
export function renderFoldersNotRun(view: NoteView): Markdown | null {
  const { comparison, pipeline } = view
  if (view.groupBy === null) return null
  const folders = [...groupBy(comparison.rows, ({ name }) => folderOf(name))].filter(([, rows]) =>
    rows.every(({ state }) => state === 'not_run'),
  )
  if (folders.length === 0) return null
  const parts = listed(folders, ([folder, rows]) => {
    const models = rows.length === 1 ? gfm`1 model` : gfm`${rows.length} models`
    return folder === '' ? gfm`${models} in no folder` : gfm`${folder} (${models})`
  })
  return pipeline.state === 'running' ? gfm`**Not reported yet:** ${parts}` : gfm`**Not run here:** ${parts}`
}

interface SharedChange {
  change: SettingChange
  rows: ComparedModel[]
}

/** Models with the same changes are told of together. */
export function renderSettings(view: NoteView): Markdown | null {
  const changed: { change: SettingChange; row: ComparedModel }[] = []
  for (const row of view.comparison.rows) for (const change of row.settings) changed.push({ change, row })
  const shared = [...groupBy(changed, ({ change }) => changeKey(change)).values()].flatMap(
    (same): SharedChange[] =>
      same[0] === undefined ? [] : [{ change: same[0].change, rows: same.map(({ row }) => row) }],
  )
  if (shared.length === 0) return null
  shared.sort((a, b) => settingPlace(a) - settingPlace(b))
  const shown = shared.slice(0, MAX_SETTINGS)
  const parts = [...groupBy(shown, ({ rows }) => rows.map(identityOf).join()).values()].map((group) => {
    const changes = group.map(({ change }) => gfm`${code(change.path, 60)} ${settingChange(change)}`)
    return gfm`${whose(group[0]?.rows ?? [], view)}: ${join(changes, gfm`, `)}`
  })
  const more = shared.length - shown.length
  return gfm`**Settings changed:** ${join(parts, gfm` · `)}${more > 0 ? gfm` and ${more} more` : nothing}`
}

/** A comparison may have thousands, most of them numbers or words. */
function changeKey({ kind, path, change, old, new: current }: SettingChange): string {
  return `${kind} ${change} ${path.length} ${path} ${valueKey(old)} ${valueKey(current)}`
}

function valueKey(value: Json): string {
  if (typeof value === 'string') return `"${value.length} ${value}`
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function settingPlace({ change }: SharedChange): number {
  return change.kind === 'hyperparameter' ? 0 : 1
}

function whose(rows: readonly ComparedModel[], view: NoteView): Markdown {
  const [first] = rows
  if (first !== undefined && rows.length === 1) return nameOf(first, view)
  return rows.length === view.comparison.rows.length
    ? gfm`all ${rows.length} models`
    : gfm`${rows.length} models`
}

export function renderLastPush(view: NoteView): Markdown | null {
  const { comparison, previous } = view
  if (previous === null) return null
  const changes = compareWithLastPush(previous.comparison, comparison)
  if (changes.length === 0) return gfm`**Since the last push:** no result changed`
  const models = [...groupBy(changes, identityOf).values()]
  return gfm`**Since the last push:** ${listed(models, (group) => pushSentence(group, view))}`
}

function pushSentence(changes: readonly PushChange[], view: NoteView): Markdown {
  const [first] = changes
  if (first === undefined) return nothing
  const results = listed(
    changes,
    ({ result }) => gfm`${code(result.name, SHORT_NAME)} ${changeOf(result, true)}`,
    {
      most: 3,
      separator: gfm`, `,
    },
  )
  return gfm`${nameOf(first, view)}: ${results}`
}

export function renderFirstReport(view: NoteView): Markdown | null {
  const { comparison, isFork } = view
  if (!isFirstReport(comparison)) return null
  const run = runTarget(view)
  const how = isFork ? run : gfm`either merge this (these results become the baseline) or ${run}`
  return gfm`**To get comparisons,** ${how}. This note then updates itself.`
}

/** Said only where it matters: on a first report, and where something changed that nobody can judge. */
export function renderDirections({ comparison, mainColumns, verdict, rules }: NoteView): Markdown | null {
  const isFirst = isFirstReport(comparison)
  const said = new Set(
    verdict.broken.flatMap(({ kind, result }) => (kind === 'not_applicable' ? [result?.name] : [])),
  )
  const unjudged = comparison.columns.filter(
    ({ name, direction }) => direction === 'unknown' && !said.has(name),
  )
  const unknown = isFirst ? unjudged : unjudged.filter(({ name }) => isUnjudged(name, comparison))
  const guessed = isFirst ? mainColumns.filter(({ directionFrom }) => directionFrom === 'name') : []
  const sentences = [
    guessed.length > 0
      ? gfm`Directions were guessed from names: ${listed(guessed, guess, { separator: gfm`, ` })}.`
      : null,
    unknown.length > 0
      ? gfm`**Direction unknown:** ${names(unknown)} ${unknown.length === 1 ? gfm`is` : gfm`are`} not judged: say ${'better: higher'} or ${'better: lower'} in ${code(rules.path, SHORT_NAME)}.`
      : null,
  ].filter((sentence) => sentence !== null)
  return sentences.length === 0 ? null : join(sentences, gfm` `)
}

function names(columns: readonly ResultColumn[]): Markdown {
  return listed(columns, ({ name }) => code(name, SHORT_NAME), { separator: gfm`, ` })
}

function isUnjudged(name: string, { rows }: Comparison): boolean {
  return rows.some(({ results }) =>
    results.some(
      (result) => result.name === name && result.state === 'changed' && result.direction === 'unknown',
    ),
  )
}

function guess({ name, direction }: ResultColumn): Markdown {
  return direction === 'higher'
    ? gfm`${code(name, SHORT_NAME)}&nbsp;↑`
    : gfm`${code(name, SHORT_NAME)}&nbsp;↓`
}
