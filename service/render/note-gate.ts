import { groupBy } from '../domain/group.js'
import type { ComparedModel, ComparedResult } from '../domain/comparison.js'
import type { Amount, Limit } from '../domain/rules.js'
import type { BrokenRule } from '../domain/verdict.js'
import type { Budget } from './budget.js'
import { absent, changeOf, modelLink, SHORT_NAME, unitOf, valueOf } from './cells.js'
import type { NoteView } from './columns.js'
import { code, figure, gfm, join, left, link, type Markdown, nothing, own, right, table } from './markdown.js'
import { listed, nameOf, statusWords } from './note-sentences.js'
import { figures } from './numbers.js'
import { count, openRules } from './verdict.js'

const MAX_ROWS = 20
/** More warnings than this are read more easily in a table. */
const MAX_SENTENCES = 3
const MAX_REASON = 300

/** What the rules say: broken ones in a table, a few warnings in a sentence, accepted ones with who and why. */
export function renderGate(view: NoteView, budget: Budget): Markdown | null {
  const { verdict } = view
  const open = openRules(verdict)
  const parts =
    verdict.state === 'fail' || open.length > MAX_SENTENCES
      ? [warningsTitle(view, open, true), brokenTable(open, view, budget)]
      : [budget.optional(warningsTitle(view, open, false))]
  const accepted = budget.optional(renderAccepted(view))
  const next = verdict.state === 'fail' ? budget.always(nextSteps(view)) : null
  const all = [...parts, next, accepted].filter((part) => part !== null)
  return all.length === 0 ? null : join(all, gfm`\n\n`)
}

/** Null for a gate that failed, which the first line says. */
function warningsTitle(view: NoteView, open: readonly BrokenRule[], isAlone: boolean): Markdown | null {
  if (open.length === 0 || view.verdict.state === 'fail') return null
  const title = gfm`**Gate passed with ${figure(count(open.length, 'warning'))}:**`
  if (isAlone) return title
  const sentences = open.map((broken) => gfm`${subjectOf(broken, view)}: ${whatHappened(broken, view)}`)
  return gfm`${title} ${join(sentences, gfm` · `)}`
}

function brokenTable(open: readonly BrokenRule[], view: NoteView, budget: Budget): Markdown {
  const { soleDataset, targetBranch } = view
  const head = [
    left(nothing),
    left(gfm`Rule`),
    left(gfm`Model`),
    ...(soleDataset === null ? [left(gfm`Dataset`)] : []),
    right(gfm`${code(targetBranch, 20)}&nbsp;→&nbsp;here`),
    left(gfm`Where`),
  ]
  budget.always(table(head, []))
  const lines: Markdown[][] = []
  for (const broken of open.slice(0, MAX_ROWS)) {
    const cells = brokenCells(broken, view)
    if (!budget.takes(join(cells, gfm` | `))) break
    lines.push(cells)
  }
  const more = open.length - lines.length
  const rest = more === 0 ? nothing : gfm`\n\nand ${more} more in the ${fullComparison(view)}`
  return gfm`${table(head, lines)}${rest}`
}

function fullComparison({ links }: NoteView): Markdown {
  return link(gfm`full comparison`, links.comparison)
}

function brokenCells(broken: BrokenRule, view: NoteView): Markdown[] {
  const { row, result, dataset, name } = broken
  return [
    stateOf(broken),
    ruleWords(broken),
    row === null ? code(name) : modelLink(row, view),
    ...(view.soleDataset === null ? [code(dataset)] : []),
    result === null ? firstChange(row, view) : changeOf(result, result.state === 'noise'),
    whereOf(broken, view),
  ]
}

function stateOf({ kind, level, withinNoise }: BrokenRule): Markdown {
  if (kind === 'not_applicable') return gfm`⚠️&nbsp;not applied`
  if (withinNoise) return gfm`⚠️&nbsp;within noise`
  if (level === 'warn') return gfm`⚠️&nbsp;warning`
  return kind === 'required' || kind === 'missing' ? gfm`❌&nbsp;no result` : gfm`❌&nbsp;broken`
}

/** What the rule asks for. */
function ruleWords({ kind, result, limit }: BrokenRule): Markdown {
  const name = result === null ? nothing : code(result.name, SHORT_NAME)
  switch (kind) {
    case 'worse_by':
    case 'not_applicable':
      return gfm`${name} at most ${limitWords(limit, result)} worse`
    case 'below':
      return gfm`${name} at least ${limitWords(limit, result)}`
    case 'above':
      return gfm`${name} at most ${limitWords(limit, result)}`
    case 'required':
      return gfm`must report`
    case 'missing':
      return result === null ? gfm`must report again` : gfm`${name} must be reported`
    case 'no_baseline':
      return gfm`needs a baseline`
  }
}

/** As written in the rules, with a blank before `pp`, and with the result's unit where it is a bare number. */
function limitWords(limit: Amount | Limit | null, result: ComparedResult | null): Markdown {
  const [, number, sign] = /^\s*(\d[\d.]*)\s*(pp|%)?\s*$/.exec(limit?.text ?? '') ?? []
  if (number === undefined) return code(limit?.text ?? '', SHORT_NAME)
  if (sign === 'pp') return gfm`${figure(number)}&nbsp;pp`
  if (sign === '%') return figure(`${number}%`)
  return gfm`${figure(number)}${result === null ? nothing : unitOf(result)}`
}

function firstChange(row: ComparedModel | null, { firstColumn }: NoteView): Markdown {
  const result = row?.results.find(({ name }) => name === firstColumn?.name) ?? row?.results[0]
  return result === undefined ? absent : changeOf(result, false)
}

/** The job that reported, or that should have. */
function whereOf(broken: BrokenRule, view: NoteView): Markdown {
  const { kind, row, result } = broken
  if (kind === 'not_applicable') return whatToWrite(broken)
  const [model] = row?.models ?? []
  if (model !== undefined) return link(gfm`job`, model.job.url)
  const names = new Set(row?.baseline?.models.map(({ job }) => job.name))
  const failed = view.pipeline.failedJobs.find(({ name }) => names.has(name))
  if (failed !== undefined) return link(gfm`job ${statusWords(failed.status)}`, failed.url)
  const [job] = names
  if (job !== undefined) return gfm`job ${code(job, SHORT_NAME)} sent nothing`
  return result === null ? gfm`no job sent it` : absent
}

function whatToWrite({ result }: BrokenRule): Markdown {
  if (result?.direction === 'unknown')
    return gfm`direction unknown: write ${'better: higher'} or ${'better: lower'}`
  return gfm`no percent result: write ${'format: percent'}, or the limit without ${'pp'}`
}

function subjectOf({ row, name, dataset }: BrokenRule, view: NoteView): Markdown {
  if (row === null || view.soleDataset !== null) return nameOf({ name, dataset }, view)
  return gfm`${modelLink(row, view)} on ${dataset}`
}

/** `accuracy fell by 2.0 pp (warning beyond 1 pp)` */
function whatHappened(broken: BrokenRule, view: NoteView): Markdown {
  const { kind, result, limit, withinNoise } = broken
  if (result === null) {
    return kind === 'no_baseline'
      ? gfm`nothing to compare with`
      : gfm`nothing was reported (${whereOf(broken, view)})`
  }
  const name = code(result.name, SHORT_NAME)
  const allowed = limitWords(limit, result)
  switch (kind) {
    case 'worse_by':
      return withinNoise
        ? gfm`${name} ${movement(result)}, and the rule fails beyond ${allowed}, but that is within noise${chanceOf(result)}`
        : gfm`${name} ${movement(result)} (warning beyond ${allowed})`
    case 'not_applicable':
      return gfm`the rule on ${name} is not applied, ${whatToWrite(broken)}`
    case 'below':
      return gfm`${name} ${isNow(result)} (warning below ${allowed})`
    case 'above':
      return gfm`${name} ${isNow(result)} (warning above ${allowed})`
    default:
      return gfm`${name} is gone`
  }
}

function movement(result: ComparedResult): Markdown {
  const { difference } = figures({ ...result, unit: null })
  if (difference === null) return isNow(result)
  const amount = gfm`${figure(difference.slice(1))}${unitOf(result)}`
  return difference.startsWith('+') ? gfm`rose by ${amount}` : gfm`fell by ${amount}`
}

function isNow(result: ComparedResult): Markdown {
  return gfm`is ${valueOf(result.new ?? Number.NaN, result)}`
}

/** ` (p = 0.31)` */
function chanceOf({ noise }: ComparedResult): Markdown {
  return noise === null ? nothing : gfm` (${pValue(noise.p)})`
}

export function pValue(p: number): Markdown {
  if (p < 0.001) return own('p &lt; 0.001')
  return gfm`p = ${figure(String(Number(p.toPrecision(2))))}`
}

function nextSteps({ pipeline: { failedJobs }, links, projectUrl, pipeline }: NoteView): Markdown {
  const accept = link(gfm`accept the change`, links.accept)
  const [failed] = failedJobs
  const retry =
    failed === undefined
      ? nothing
      : failedJobs.length === 1
        ? gfm`, ${link(gfm`retry the job`, failed.url)}`
        : gfm`, ${link(gfm`retry the failed jobs`, projectUrl === '' ? null : pipeline.url)}`
  return gfm`**Next:** push a fix${retry}, or a Maintainer can ${accept} with a reason.`
}

function renderAccepted(view: NoteView): Markdown | null {
  const accepted = view.verdict.broken.flatMap(({ acceptance, ...broken }) =>
    acceptance === null ? [] : [{ acceptance, broken: { ...broken, acceptance } }],
  )
  if (accepted.length === 0) return null
  const byPerson = [...groupBy(accepted, ({ acceptance }) => acceptance).values()]
  const parts = byPerson.flatMap(([first, ...others]) => {
    if (first === undefined) return []
    const { username, reason } = first.acceptance
    const rules = listed([first, ...others], ({ broken }) => acceptedWords(broken, view), { most: 10 })
    return [gfm`**Accepted by ${code(username, SHORT_NAME)}:** ${code(reason, MAX_REASON)}, for ${rules}`]
  })
  return listed(parts, (part) => part, { separator: gfm`\n\n` })
}

function acceptedWords(broken: BrokenRule, view: NoteView): Markdown {
  const { result } = broken
  const change =
    result === null ? nothing : gfm`, ${code(result.name, SHORT_NAME)} ${changeOf(result, false)}`
  return gfm`${subjectOf(broken, view)}${change} (${allowedWords(broken)})`
}

function allowedWords(broken: BrokenRule): Markdown {
  const { kind, limit, result } = broken
  const amount = limitWords(limit, result)
  switch (kind) {
    case 'worse_by':
    case 'not_applicable':
      return gfm`at most ${amount} worse`
    case 'below':
      return gfm`at least ${amount}`
    case 'above':
      return gfm`at most ${amount}`
    default:
      return ruleWords(broken)
  }
}
