import type { Baseline, BaselineReason } from '../domain/baseline.js'
import { groupBy } from '../domain/group.js'
import { repeatsWords, SHORT_NAME, valueOf } from './cells.js'
import type { NoteView } from './columns.js'
import { code, figure, gfm, join, link, type Markdown, nothing } from './markdown.js'
import type { NotePreview } from './note-input.js'
import { listed } from './note-words.js'
import { count, isFirstReport } from './verdict.js'

const REASONS: Record<BaselineReason, Markdown> = {
  merged_results_target: gfm`the commit this is merged with`,
  merge_base: gfm`merge base`,
  ancestor: gfm`nearest ancestor with results`,
  newest: gfm`newest results there, not an ancestor`,
}

/** The last line: by which rules, compared with what, of which head, and where there is more. */
export function renderOrigin(view: NoteView): Markdown {
  const { projectUrl, headSha, pipeline, links, comparison, soleDataset: dataset, preview } = view
  const parts = [
    ...(preview === undefined ? [rulesWords(view), comparedWith(view)] : [previewWords(preview, view)]),
    dataset === null || dataset === 'default' ? null : gfm`dataset ${dataset}`,
    ...view.uniform.map(
      ({ column, value }) => gfm`${code(column.name, SHORT_NAME)} ${valueOf(value, column)} in all rows`,
    ),
    unchangedWords(view),
    view.repeats === null ? null : repeatsWords(view.repeats),
    ...(preview === undefined
      ? [
          gfm`head ${commitLink(projectUrl, headSha)}`,
          gfm`${link(gfm`pipeline ${pipeline.id}`, pipeline.url)} ${pipelineWords(view)}`,
          link(isFirstReport(comparison) ? gfm`all results` : gfm`full comparison`, links.comparison),
        ]
      : [gfm`nothing is stored or posted`]),
  ]
  return gfm`<sub>${join(parts, gfm` · `)}</sub>`
}

function previewWords({ base, head }: NotePreview, { rules, verdict }: NoteView): Markdown {
  const compared = base === null ? gfm`nothing to compare with` : gfm`compared with ${base}`
  const checks = gfm`${figure(count(verdict.applied, 'check'))} by ${rules.path}`
  return gfm`Preview of ${head}, ${compared}${rules.state === 'read' ? gfm`, ${checks}` : nothing}`
}

/** Null where there is no file, or none that could be read: that has a sentence of its own. */
function rulesWords({ rules, verdict, targetBranch, projectUrl, isFork }: NoteView): Markdown | null {
  const { state, commit } = rules
  if (state !== 'read' || isFork) return null
  const at = commit === null ? nothing : gfm` at ${commitLink(projectUrl, commit)}`
  const from = gfm`from ${targetBranch}${at}`
  if (verdict.applied === 0 && verdict.broken.length === 0) return gfm`Rules ${from}, no gate set`
  return verdict.broken.length === 0
    ? gfm`Gate passed, ${figure(count(verdict.applied, 'check'))} by the rules ${from}`
    : gfm`Rules ${from}`
}

function unchangedWords({ unchanged }: NoteView): Markdown | null {
  if (unchanged.length === 0) return null
  const names = listed(unchanged, ({ name }) => code(name, SHORT_NAME), { separator: gfm`, ` })
  return gfm`${names} unchanged in all rows`
}

interface UsedCommit {
  baseline: Baseline
  models: number
}

function comparedWith(view: NoteView): Markdown | null {
  const { targetBranch, comparison, rules } = view
  const isFirst = rulesWords(view) === null
  const compared = isFirst ? gfm`Compared with` : gfm`compared with`
  if (comparison.rows.every(({ state }) => state === 'not_run')) return null
  const used = usedCommits(view)
  const [first, ...others] = used
  if (first === undefined) {
    return isFirst
      ? gfm`No commit on ${targetBranch} has results`
      : gfm`no commit on ${targetBranch} has results`
  }
  if (others.length > 0) {
    return gfm`${compared} ${listed(used, (one) => usedSentence(one, view), { separator: gfm`, ` })}`
  }
  const isSame = !isFirst && first.baseline.commit === rules.commit
  return gfm`${compared} ${isSame ? gfm`the same commit ${whyWords(first)}` : usedWords(first, view)}`
}

function usedSentence(used: UsedCommit, view: NoteView): Markdown {
  return gfm`${usedWords(used, view)} for ${used.models === 1 ? gfm`1 model` : gfm`${used.models} models`}`
}

function usedWords(used: UsedCommit, { projectUrl, targetBranch }: NoteView): Markdown {
  return gfm`${commitLink(projectUrl, used.baseline.commit)} on ${targetBranch} ${whyWords(used)}`
}

/** The merge request that results were carried over from is no link: GitLab would tell its readers of this one. */
function whyWords({ baseline: { reason, commitsBehind, carriedFrom } }: UsedCommit): Markdown {
  const carried = carriedFrom === null ? nothing : gfm`, from ${`!${carriedFrom.mrIid}`}, not retrained`
  return gfm`(${REASONS[reason]}${behindWords(commitsBehind)}${carried})`
}

/** Most used first. */
function usedCommits({ comparison: { rows } }: NoteView): UsedCommit[] {
  const baselines: Baseline[] = []
  for (const { baseline, state } of rows) {
    if (baseline !== null && state !== 'not_run') baselines.push(baseline)
  }
  const same = groupBy(
    baselines,
    ({ commit, reason, commitsBehind, carriedFrom }) =>
      `${reason} ${commitsBehind} ${carriedFrom?.mrIid} ${commit}`,
  )
  const used = [...same.values()].flatMap(([first, ...others]): UsedCommit[] =>
    first === undefined ? [] : [{ baseline: first, models: others.length + 1 }],
  )
  return used.sort((a, b) => b.models - a.models)
}

function behindWords(commitsBehind: number | null): Markdown {
  if (commitsBehind === null) return nothing
  if (commitsBehind === 0) return gfm`, up to date`
  return commitsBehind === 1 ? gfm`, 1 commit behind` : gfm`, ${commitsBehind} commits behind`
}

/** To the list of commits, not to the commit: GitLab takes the latter for a mention and notes it on the commit. */
function commitLink(projectUrl: string, sha: string): Markdown {
  return link(code(sha.slice(0, 7)), `${projectUrl}/-/commits/${encodeURIComponent(sha.toWellFormed())}`)
}

/** Jobs that failed have a sentence of their own, and so has what is missing. */
function pipelineWords(view: NoteView): Markdown {
  const { state, jobsReported, jobsTotal, silentJobs, failedJobs } = view.pipeline
  const reported =
    jobsTotal === null ? jobWords(jobsReported) : gfm`${jobsReported} of ${jobWords(jobsTotal)}`
  if (state === 'running') return gfm`running, ${reported} reported so far`
  const missing = view.comparison.rows.filter((row) => row.state === 'missing')
  const said = new Set([
    ...failedJobs.map(({ name }) => name),
    ...missing.flatMap(({ baseline }) => baseline?.models.map(({ job }) => job.name) ?? []),
  ])
  const silent = silentJobs.filter((name) => !said.has(name))
  if (silent.length === 0) return gfm`finished, ${reported} reported`
  const names = listed(silent, (name) => code(name), { separator: gfm`, `, most: 3 })
  return gfm`finished, ${reported} reported, nothing from ${names}`
}

function jobWords(number: number): Markdown {
  return number === 1 ? gfm`1 job` : gfm`${number} jobs`
}
