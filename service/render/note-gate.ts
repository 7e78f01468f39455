import { identityOf } from '../domain/baseline.js'
import { groupBy } from '../domain/group.js'
import type { ComparedModel, ComparedResult } from '../domain/comparison.js'
import type { Amount, Limit } from '../domain/rules.js'
import type { BrokenRule } from '../domain/verdict.js'
import { type Budget, createBudget } from './budget.js'
import { amountWords, changeOf, SHORT_NAME, subjectLink, unitOf, valueOf } from './cells.js'
import type { NoteView } from './columns.js'
import { code, figure, gfm, join, left, link, type Markdown, nothing, table } from './markdown.js'
import { nextSteps } from './note-next.js'
import { pValue } from './note-noise.js'
import { listed, nameOf, statusWords } from './note-words.js'
import { bareFigures } from './numbers.js'
import { count, openRules } from './verdict.js'

const MAX_ROWS = 20
/** More warnings than this are read more easily in a table. */
const MAX_SENTENCES = 3
const MAX_REASON = 300
/** So that the longest names leave room for the results. */
const MAX_TABLE_BYTES = 20_000

/** What the rules say: broken ones in a table, warnings in sentences, accepted ones with who and why. */
export function renderGate(view: NoteView, budget: Budget): Markdown | null {
  const { verdict } = view
  const open = shownRules(view)
  const isFailed = verdict.state === 'fail'
  const parts = isFailed ? [brokenTable(open, view, budget)] : [budget.optional(warningsWords(view, open))]
  const all = [
    ...parts,
    budget.optional(renderNotChecked(view)),
    isFailed ? budget.always(nextSteps(view)) : null,
    budget.optional(renderAccepted(view)),
  ].filter((part) => part !== null)
  return all.length === 0 ? null : join(all, gfm`\n\n`)
}

/** Broken rules that nobody accepted. Where there is no file, nobody asked to be warned of what is missing. */
function shownRules({ verdict, rules }: NoteView): BrokenRule[] {
  const open = openRules(verdict).filter(({ kind }) => kind !== 'not_applicable')
  return rules.state === 'read' ? open : open.filter(({ kind }) => kind !== 'missing')
}

/** What the table or the sentences of broken rules say already: models without results, by `identityOf`, and jobs. */
export function saidByGate(view: NoteView): { models: Set<string>; jobs: Set<string> } {
  const open = shownRules(view)
  if (view.verdict.state !== 'fail' && open.length > MAX_SENTENCES)
    return { models: new Set(), jobs: new Set() }
  const silent = open.slice(0, MAX_ROWS).filter(({ result }) => result === null)
  const rows = silent.flatMap(({ row }) => (row === null || row.models.length > 0 ? [] : [row]))
  const jobs = rows.flatMap(({ baseline }) => baseline?.models.map(({ job }) => job.name) ?? [])
  return { models: new Set(rows.map(identityOf)), jobs: new Set(jobs) }
}

function warningsWords(view: NoteView, open: readonly BrokenRule[]): Markdown | null {
  if (open.length === 0) return null
  const title = gfm`**Gate passed with ${figure(count(open.length, 'warning'))}:**`
  if (open.length <= MAX_SENTENCES) {
    const sentences = open.map((broken) => gfm`${subjectOf(broken, view)}: ${whatHappened(broken, view)}`)
    return gfm`${title} ${join(sentences, gfm` · `)}`
  }
  const groups = [...groupBy(open, ruleName).values()]
  const items = groups.slice(0, MAX_ROWS).map((group) => gfm`\n- ${warnedWords(group, view)}`)
  const more = groups.length - items.length
  return gfm`${title}\n${join(items, nothing)}${more > 0 ? gfm`\n- and ${figure(count(more, 'more rule'))}` : nothing}`
}

/** Tells one rule of many models again. */
function ruleName({ kind, result, limit }: BrokenRule): string {
  return JSON.stringify([kind, result?.name ?? null, limit?.text ?? null])
}

/** `accuracy, at most 1 pp worse: tree, knn and 2 more`. Their figures are in the table below. */
function warnedWords(group: readonly BrokenRule[], view: NoteView): Markdown {
  const [first] = group
  if (first === undefined) return nothing
  const models = listed(group, (broken) => nameOf(broken, view), { most: 4, separator: gfm`, ` })
  if (first.result === null) return gfm`${models}: ${ruleWords(first)}`
  return gfm`${code(first.result.name, SHORT_NAME)}, ${ruleWords(first)}: ${models}`
}

/** Rules that could not be applied to what they are about, with what to write instead. */
function renderNotChecked({ verdict, rules }: NoteView): Markdown | null {
  const open = openRules(verdict).filter(({ kind }) => kind === 'not_applicable')
  const groups = [...groupBy(open, ruleName).values()]
  if (groups.length === 0) return null
  const title =
    groups.length === 1 ? gfm`**1 rule was not checked:**` : gfm`**${groups.length} rules were not checked:**`
  const items = groups.slice(0, MAX_ROWS).flatMap(([first]) => {
    if (first === undefined) return []
    const rule = gfm`${code(first.result?.name ?? '', SHORT_NAME)}, ${ruleWords(first)}`
    return [gfm`\n- ${rule}: ${whatToWrite(first, rules.path)}`]
  })
  const more = groups.length - items.length
  return gfm`${title}\n${join(items, nothing)}${more > 0 ? gfm`\n- and ${more} more` : nothing}`
}

function brokenTable(open: readonly BrokenRule[], view: NoteView, budget: Budget): Markdown {
  const head = [left(nothing), left(gfm`Model`), left(gfm`Result and rule`)]
  const restOf = (more: number) => gfm`\n\nand ${more} more in the ${fullComparison(view)}`
  budget.always(gfm`${table(head, [])}${restOf(open.length)}`)
  const room = createBudget(MAX_TABLE_BYTES)
  const lines: Markdown[][] = []
  for (const broken of open.slice(0, MAX_ROWS)) {
    const cells = brokenCells(broken, view)
    const line = join(cells, gfm` | `)
    if (!room.takes(line) || !budget.takes(line)) break
    lines.push(cells)
  }
  const more = open.length - lines.length
  return gfm`${table(head, lines)}${more === 0 ? nothing : restOf(more)}`
}

function fullComparison({ links }: NoteView): Markdown {
  return link(gfm`full comparison`, links.comparison)
}

/** Three, so that all of it fits a phone. */
function brokenCells(broken: BrokenRule, view: NoteView): Markdown[] {
  const { row, result } = broken
  const shown = result ?? firstResult(row, view)
  const figures =
    shown === null ? nothing : gfm`${code(shown.name, SHORT_NAME)} ${brokenFigures(broken, shown)}, `
  const where = whereOf(broken, view)
  return [
    stateOf(broken),
    subjectOf(broken, view),
    gfm`${figures}${ruleWords(broken)}${mainFailsToo(broken, view)}${where === null ? nothing : gfm` (${where})`}`,
  ]
}

function brokenFigures({ kind, limit, result }: BrokenRule, shown: ComparedResult): Markdown {
  const measured = kind === 'worse_by' && result !== null ? relativeLoss(result, limit) : null
  return changeOf(shown, shown.state === 'noise', measured === null ? undefined : gfm`${measured} worse`)
}

/** What a limit that is part of the baseline is held against. */
function relativeLoss(result: ComparedResult, limit: Amount | Limit | null): Markdown | null {
  if (limit === null || !('kind' in limit) || limit.kind !== 'relative') return null
  const { relative } = bareFigures(result)
  return relative === null ? null : figure(relative.slice(1))
}

function mainFailsToo({ kind, result, limit }: BrokenRule, { targetBranch }: NoteView): Markdown {
  const old = result?.old ?? null
  if (old === null || limit === null) return nothing
  const fails = (kind === 'below' && old < limit.value) || (kind === 'above' && old > limit.value)
  return fails ? gfm` (${code(targetBranch, 20)} fails it too)` : nothing
}

function firstResult(row: ComparedModel | null, { firstColumn }: NoteView): ComparedResult | null {
  return row?.results.find(({ name }) => name === firstColumn?.name) ?? row?.results[0] ?? null
}

function stateOf({ kind, level, withinNoise }: BrokenRule): Markdown {
  if (withinNoise) return gfm`⚠️&nbsp;within noise`
  if (level === 'warn') return gfm`⚠️&nbsp;warning`
  return kind === 'required' || kind === 'missing' ? gfm`❌&nbsp;no result` : gfm`❌&nbsp;broken`
}

/** What the rule asks for. */
function ruleWords({ kind, result, limit }: BrokenRule): Markdown {
  const amount = limitWords(limit, result)
  switch (kind) {
    case 'worse_by':
    case 'not_applicable':
      return gfm`at most ${amount} worse`
    case 'below':
      return gfm`at least ${amount}`
    case 'above':
      return gfm`at most ${amount}`
    case 'required':
      return gfm`must report`
    case 'missing':
      return result === null ? gfm`must report again` : gfm`must be reported`
    case 'excluded':
      return gfm`excluded, so its rules are not checked`
    case 'no_baseline':
      return gfm`needs a baseline`
  }
}

/** With the result's unit where it is a bare number. */
function limitWords(limit: Amount | Limit | null, result: ComparedResult | null): Markdown {
  const text = limit?.text ?? ''
  const isBare = result !== null && /^\s*[\d.]+\s*$/.test(text)
  return gfm`${amountWords(text)}${isBare ? unitOf(result) : nothing}`
}

/** The job that reported, or that should have. */
function whereOf({ row, result, kind }: BrokenRule, view: NoteView): Markdown | null {
  const [model] = row?.models ?? []
  if (model?.job.url) return link(gfm`job`, model.job.url)
  if (model !== undefined) return code(model.job.name, SHORT_NAME)
  const names = new Set(row?.baseline?.models.map(({ job }) => job.name))
  const failed = view.pipeline.failedJobs.find(({ name }) => names.has(name))
  if (failed !== undefined) return link(gfm`job ${statusWords(failed.status)}`, failed.url)
  const [job] = names
  if (kind === 'excluded') return null
  if (job !== undefined) return gfm`job ${code(job, SHORT_NAME)} sent nothing`
  return result === null ? gfm`no job sent it` : null
}

function whatToWrite({ result }: BrokenRule, path: string): Markdown {
  if (result?.direction === 'unknown')
    return gfm`say ${'better: higher'} or ${'better: lower'} in ${code(path, SHORT_NAME)}`
  return gfm`it is not shown in percent, so write the limit without ${'pp'}, or ${'format: percent'} for a fraction`
}

function subjectOf({ row, name, dataset }: BrokenRule, view: NoteView): Markdown {
  return row === null ? nameOf({ name, dataset }, view) : subjectLink(row, view)
}

/** `accuracy fell by 2.0 pp (warning beyond 1 pp)` */
function whatHappened(broken: BrokenRule, view: NoteView): Markdown {
  const { kind, result, limit, withinNoise } = broken
  if (result === null) {
    if (kind === 'excluded') return gfm`excluded, so its rules are not checked`
    return kind === 'no_baseline'
      ? gfm`nothing to compare with`
      : gfm`nothing was reported (${whereOf(broken, view) ?? nothing})`
  }
  const name = code(result.name, SHORT_NAME)
  const allowed = limitWords(limit, result)
  switch (kind) {
    case 'worse_by': {
      const moved = gfm`${name} ${movement(result, limit)}`
      return withinNoise
        ? gfm`${moved}, more than the limit of ${allowed}, but runs of the same code differ that much${chanceOf(result)}, so the gate does not fail. More repeats would tell.`
        : gfm`${moved} (warning beyond ${allowed})`
    }
    case 'below':
      return gfm`${name} ${isNow(result)} (warning below ${allowed})${mainFailsToo(broken, view)}`
    case 'above':
      return gfm`${name} ${isNow(result)} (warning above ${allowed})${mainFailsToo(broken, view)}`
    default:
      return gfm`${name} is gone`
  }
}

function movement(result: ComparedResult, limit: Amount | Limit | null): Markdown {
  const { difference } = bareFigures(result)
  if (difference === null) return isNow(result)
  const amount = relativeLoss(result, limit) ?? gfm`${figure(difference.slice(1))}${unitOf(result)}`
  return difference.startsWith('+') ? gfm`rose by ${amount}` : gfm`fell by ${amount}`
}

function isNow(result: ComparedResult): Markdown {
  return gfm`is ${valueOf(result.new ?? Number.NaN, result)}`
}

/** ` (p = 0.31)` */
function chanceOf({ noise }: ComparedResult): Markdown {
  return noise === null ? nothing : gfm` (${pValue(noise.p)})`
}

function renderAccepted(view: NoteView): Markdown | null {
  const accepted = view.verdict.broken.filter(({ acceptance }) => acceptance !== null)
  if (accepted.length === 0) return null
  const parts = [...groupBy(accepted, ({ acceptance }) => acceptance)].map(([acceptance, rules]) => {
    const title = gfm`${figure(count(rules.length, 'broken rule'))} accepted by ${code(acceptance?.username ?? '', SHORT_NAME)}`
    const models = [...groupBy(rules, ({ dataset, name }) => JSON.stringify([dataset, name])).values()]
    return gfm`**${title}:** ${code(acceptance?.reason ?? '', MAX_REASON)} (${listed(models, (group) => acceptedWords(group, view))})`
  })
  return join(parts, gfm`\n\n`)
}

function acceptedWords(group: readonly BrokenRule[], view: NoteView): Markdown {
  const [first] = group
  if (first === undefined) return nothing
  const rules = group.map((broken) => {
    const name = broken.result === null ? nothing : gfm`${code(broken.result.name, SHORT_NAME)} `
    return gfm`${name}${ruleWords(broken)}`
  })
  return gfm`${subjectOf(first, view)}: ${join(rules, gfm`, `)}`
}
