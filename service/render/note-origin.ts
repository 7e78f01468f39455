import type { Baseline, BaselineReason } from '../domain/baseline.js'
import { groupBy } from '../domain/group.js'
import type { ComparedModel, Comparison } from '../domain/comparison.js'
import { SHORT_NAME, valueOf } from './cells.js'
import type { NoteView } from './columns.js'
import { code, figure, gfm, join, link, type Markdown, nothing } from './markdown.js'
import type { NotePreview } from './note-input.js'
import { listed, nameOf } from './note-words.js'
import { count, isFirstReport } from './verdict.js'

/** Something is called better or worse, and nothing told how large chance differences are. */
function isUntested({ rows }: Comparison): boolean {
  const judged = rows.flatMap(({ state, results }) =>
    state === 'missing' || state === 'not_run'
      ? []
      : results.filter((result) => result.state === 'worse' || result.state === 'better'),
  )
  return (
    judged.length > 0 &&
    judged.every(({ noise, oldRepeats, newRepeats }) => noise === null && oldRepeats < 2 && newRepeats < 2)
  )
}

function repeatsInWords({ here, before }: Repeats, { comparison, targetBranch }: NoteView): Markdown {
  const title = gfm`mean ± standard error`
  const runs = figure(count(here, 'run'))
  if (isFirstReport(comparison)) return gfm`${title}: ${runs}`
  return here === before
    ? gfm`${title}: ${runs} on each side`
    : gfm`${title}: ${runs} here, ${before} on ${targetBranch}`
}

const REASONS: Record<BaselineReason, Markdown> = {
  merged_results_target: gfm`the commit it is merged with`,
  merge_base: gfm`where this branch began`,
  ancestor: gfm`the nearest older commit with results`,
  newest: gfm`the newest results there, which this branch does not contain`,
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
    view.repeats === null ? null : repeatsInWords(view.repeats, view),
    isUntested(comparison) ? gfm`one run each, so chance is not ruled out` : null,
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

type Repeats = NonNullable<NoteView['repeats']>

interface UsedCommit {
  baseline: Baseline
  rows: ComparedModel[]
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
    return gfm`${compared} ${listed(used, (one) => usedSentence(one, view), { separator: gfm`; ` })}`
  }
  const isSame = !isFirst && first.baseline.commit === rules.commit
  return gfm`${compared} ${isSame ? gfm`the same commit${whyWords(first, targetBranch)}` : usedWords(first, view)}`
}

function usedSentence(used: UsedCommit, view: NoteView): Markdown {
  const names = listed(used.rows, (row) => nameOf(row, view), { most: 3, separator: gfm`, ` })
  return gfm`${usedWords(used, view)}, for ${names}`
}

function usedWords(used: UsedCommit, { projectUrl, targetBranch }: NoteView): Markdown {
  return gfm`${commitLink(projectUrl, used.baseline.commit)} on ${targetBranch}${whyWords(used, targetBranch)}`
}

/** The merge request that results were carried over from is no link: GitLab would tell its readers of this one. */
function whyWords({ baseline }: UsedCommit, targetBranch: string): Markdown {
  const { reason, commitsBehind: ahead, carriedFrom } = baseline
  const commits = figure(count(ahead ?? 0, 'commit'))
  const moved = ahead === null || ahead === 0 ? nothing : gfm` (${targetBranch} is ${commits} ahead now)`
  const carried =
    carriedFrom === null
      ? nothing
      : gfm`, taken over from ${`!${carriedFrom.mrIid}`} (${targetBranch} was not trained again)`
  return gfm`, ${REASONS[reason]}${moved}${carried}`
}

/** Most used first. */
function usedCommits({ comparison }: NoteView): UsedCommit[] {
  const rows = comparison.rows.flatMap((row) =>
    row.baseline === null || row.state === 'not_run' ? [] : [{ row, baseline: row.baseline }],
  )
  const same = groupBy(
    rows,
    ({ baseline: { commit, reason, commitsBehind, carriedFrom } }) =>
      `${reason} ${commitsBehind} ${carriedFrom?.mrIid} ${commit}`,
  )
  const used = [...same.values()].flatMap((group): UsedCommit[] =>
    group[0] === undefined ? [] : [{ baseline: group[0].baseline, rows: group.map(({ row }) => row) }],
  )
  return used.sort((a, b) => b.rows.length - a.rows.length)
}

/** To the list of commits, not to the commit: GitLab takes the latter for a mention and notes it on the commit. */
function commitLink(projectUrl: string, sha: string): Markdown {
  return link(code(sha.slice(0, 7)), `${projectUrl}/-/commits/${encodeURIComponent(sha.toWellFormed())}`)
}

/** Jobs that failed or sent nothing have a sentence of their own. */
function pipelineWords(view: NoteView): Markdown {
  const { state, jobsReported, jobsTotal } = view.pipeline
  const reported =
    jobsTotal === null ? jobWords(jobsReported) : gfm`${jobsReported} of ${jobWords(jobsTotal)}`
  if (state === 'running') return gfm`running, ${reported} reported so far`
  return gfm`finished, ${reported} reported`
}

function jobWords(number: number): Markdown {
  return number === 1 ? gfm`1 job` : gfm`${number} jobs`
}
