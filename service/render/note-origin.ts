import type { BaselineReason } from '../domain/baseline.js'
import { groupBy } from '../domain/group.js'
import type { NoteView } from './columns.js'
import { code, gfm, join, link, type Markdown, nothing } from './markdown.js'
import { listed } from './note-sentences.js'
import { isFirstReport } from './verdict.js'

const REASONS: Record<BaselineReason, Markdown> = {
  merged_results_target: gfm`the commit this is merged with`,
  merge_base: gfm`merge base`,
  ancestor: gfm`nearest ancestor with results`,
  newest: gfm`newest results there, not an ancestor`,
}

/** The last line: compared with what, of which head, and where there is more. */
export function renderOrigin(input: NoteView): Markdown {
  const { projectUrl, headSha, pipeline, links, comparison, soleDataset: dataset } = input
  const parts = [
    comparedWith(input),
    dataset === null || dataset === 'default' ? null : gfm`dataset ${dataset}`,
    gfm`head ${commitLink(projectUrl, headSha)}`,
    gfm`${link(gfm`pipeline ${pipeline.id}`, pipeline.url)} ${pipelineWords(input)}`,
    link(isFirstReport(comparison) ? gfm`all results` : gfm`full comparison`, links.comparison),
  ]
  return gfm`<sub>${join(parts, gfm` · `)}</sub>`
}

interface UsedCommit {
  text: Markdown
  models: number
}

function comparedWith(input: NoteView): Markdown | null {
  const { targetBranch, comparison } = input
  if (comparison.rows.every(({ state }) => state === 'not_run')) return null
  const used = usedCommits(input)
  const [first, ...others] = used
  if (first === undefined) return gfm`No commit on ${targetBranch} has results`
  if (others.length === 0) return gfm`Compared with ${first.text}`
  const commits = listed(used, usedSentence, { separator: gfm`, ` })
  return gfm`Compared with ${commits}`
}

function usedSentence({ text, models }: UsedCommit): Markdown {
  return gfm`${text} for ${models === 1 ? gfm`1 model` : gfm`${models} models`}`
}

/** Most used first. */
function usedCommits({ comparison: { rows }, projectUrl, targetBranch }: NoteView): UsedCommit[] {
  const baselines = rows.flatMap(({ baseline, state }) =>
    baseline === null || state === 'not_run' ? [] : [baseline],
  )
  const same = groupBy(
    baselines,
    ({ commit, reason, commitsBehind }) => `${reason} ${commitsBehind} ${commit}`,
  )
  const used = [...same.values()].flatMap(([first, ...others]): UsedCommit[] => {
    if (first === undefined) return []
    const why = gfm`${REASONS[first.reason]}${behindWords(first.commitsBehind)}`
    const text = gfm`${commitLink(projectUrl, first.commit)} on ${targetBranch} (${why})`
    return [{ text, models: others.length + 1 }]
  })
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

function pipelineWords({ pipeline: { state, jobsReported, jobsTotal } }: NoteView): Markdown {
  const reported =
    jobsTotal === null ? jobWords(jobsReported) : gfm`${jobsReported} of ${jobWords(jobsTotal)}`
  return state === 'running' ? gfm`running, ${reported} reported so far` : gfm`finished, ${reported} reported`
}

function jobWords(number: number): Markdown {
  return number === 1 ? gfm`1 job` : gfm`${number} jobs`
}
