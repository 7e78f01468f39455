import { groupBy } from '../domain/group.js'
import type { BrokenRule } from '../domain/verdict.js'
import { SHORT_NAME } from './cells.js'
import type { NoteView } from './columns.js'
import { code, gfm, join, link, type Markdown } from './markdown.js'
import type { FailedJob } from './note-input.js'
import { listed, nameOf, statusWords } from './note-words.js'
import { failuresOf } from './verdict.js'

/** What helps against the failures there are. */
export function nextSteps(view: NoteView): Markdown {
  const failures = failuresOf(view.verdict)
  const steps = [
    failures.some(isOfValue) ? gfm`push a fix` : null,
    sendAgain(
      failures.filter(({ kind, result }) => kind === 'missing' && result !== null),
      view,
    ),
    trainTarget(
      failures.filter(({ kind }) => kind === 'no_baseline'),
      view,
    ),
    findOut(failures.filter(isSilent), view),
    view.pipeline.failedJobs.length === 0 ? null : retryJobs(view),
  ].filter((step) => step !== null)
  const accept = gfm`a Maintainer can ${link(gfm`accept the change`, view.links.accept)} with a reason`
  return gfm`**Next:** ${steps.length === 0 ? accept : gfm`${join(steps, gfm`, `)}, or ${accept}`}.`
}

function isOfValue({ kind }: BrokenRule): boolean {
  return kind === 'worse_by' || kind === 'below' || kind === 'above'
}

/** Of a model of which nothing came at all. */
function isSilent({ kind, result }: BrokenRule): boolean {
  return kind === 'required' || (kind === 'missing' && result === null)
}

function namesOf(broken: readonly BrokenRule[], view: NoteView): Markdown {
  const models = [...groupBy(broken, ({ dataset, name }) => JSON.stringify([dataset, name])).values()]
  const first = models.flatMap(([one]) => (one === undefined ? [] : [one]))
  return listed(first, (one) => nameOf(one, view), { most: 2, separator: gfm`, ` })
}

function sendAgain(broken: readonly BrokenRule[], view: NoteView): Markdown | null {
  if (broken.length === 0) return null
  const results = new Set(broken.map(({ result }) => result?.name ?? ''))
  const names = listed([...results], (name) => code(name, SHORT_NAME), { most: 2, separator: gfm`, ` })
  return gfm`send ${names} of ${namesOf(broken, view)} again`
}

function trainTarget(broken: readonly BrokenRule[], view: NoteView): Markdown | null {
  if (broken.length === 0) return null
  const { size } = new Set(broken.map(({ dataset, name }) => JSON.stringify([dataset, name])))
  return gfm`${runTarget(view)} so that ${namesOf(broken, view)} ${size === 1 ? gfm`has` : gfm`have`} something to compare with`
}

/** With the page that does it. */
export function runTarget({ projectUrl, targetBranch }: NoteView): Markdown {
  const url = `${projectUrl}/-/pipelines/new?ref=${encodeURIComponent(targetBranch.toWellFormed())}`
  return link(gfm`run the pipeline on ${targetBranch}`, projectUrl === '' ? null : url)
}

/** Jobs that ended well and sent nothing; those that failed are to be retried. */
function findOut(broken: readonly BrokenRule[], view: NoteView): Markdown | null {
  const failed = new Set(view.pipeline.failedJobs.map(({ name }) => name))
  const jobs = new Set(broken.flatMap(({ row }) => row?.baseline?.models.map(({ job }) => job.name) ?? []))
  const unknown = broken.filter(({ row }) => row === null)
  const silent = [...jobs].filter((name) => !failed.has(name))
  const why =
    silent.length === 0
      ? null
      : gfm`find out why ${listed(silent, (name) => code(name, SHORT_NAME), { most: 2, separator: gfm`, ` })} sent nothing`
  const train = unknown.length === 0 ? null : gfm`train ${namesOf(unknown, view)}`
  const again = why === null ? null : gfm`${why} (${link(gfm`retry in the pipeline`, view.pipeline.url)})`
  return again === null && train === null ? null : join([again, train], gfm`, `)
}

function retryJobs({ pipeline, projectUrl }: NoteView): Markdown {
  const [failed, ...others] = pipeline.failedJobs
  if (failed !== undefined && others.length === 0) return link(gfm`retry the job`, failed.url)
  return link(gfm`retry the failed jobs`, projectUrl === '' ? null : pipeline.url)
}

/** `[train](…) failed` */
export function endedWords({ name, status, url }: FailedJob): Markdown {
  return gfm`${link(code(name), url)} ${statusWords(status)}`
}
