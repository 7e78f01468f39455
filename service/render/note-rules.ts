import type { RuleChange } from '../domain/rule-changes.js'
import type { RulesProblem } from '../domain/rules.js'
import type { BrokenRule, Verdict } from '../domain/verdict.js'
import { amountWords, SHORT_NAME } from './cells.js'
import type { NoteView } from './columns.js'
import { code, figure, gfm, join, link, type Markdown, nothing } from './markdown.js'
import type { EditedRules } from './note-input.js'
import { listed, nameOf } from './note-words.js'
import { count, isFirstReport, openRules } from './verdict.js'

const MAX_PROBLEMS = 5
const MAX_CHANGES = 6
const MAX_TEXT = 200
const MAX_KEY = 80

/** Why the rules of the target branch could not be read, or what in them is about nothing that was reported. */
export function renderRules({ rules, targetBranch, links }: NoteView): Markdown | null {
  const { state, path, problems } = rules
  if (state === 'unreadable') {
    const consequence = gfm`No gate holds until then, and directions are guessed from names.`
    const help = links.rules === '' ? nothing : gfm` ${link(gfm`What may stand in it`, links.rules)}`
    return gfm`**${code(path, SHORT_NAME)} on ${targetBranch} cannot be read:** ${problemList(problems)}\n\n${consequence}${help}`
  }
  if (problems.length === 0) return null
  return gfm`**In ${code(path, SHORT_NAME)} on ${targetBranch}:** ${listed(problems, problemWords, { most: MAX_PROBLEMS })}`
}

/** One on the line, several as a list below it. */
function problemList(problems: readonly RulesProblem[]): Markdown {
  const [first] = problems
  if (first === undefined) return gfm`nobody knows why`
  if (problems.length === 1) return problemWords(first)
  const items = problems.slice(0, MAX_PROBLEMS).map((problem) => gfm`\n- ${problemWords(problem)}`)
  const more = problems.length - items.length
  return gfm`\n${join(items, nothing)}${more > 0 ? gfm`\n- and ${more} more` : nothing}`
}

function problemWords({ line, column, key, message, suggestion }: RulesProblem): Markdown {
  const place = column > 1 ? gfm`line ${line}, column ${column}` : gfm`line ${line}`
  const nearest = suggestion === null ? nothing : gfm`, nearest is ${code(suggestion, SHORT_NAME)}`
  const about = key === '' ? nothing : gfm`, ${code(key, MAX_KEY)}`
  return gfm`${place}${about}: ${code(message, MAX_TEXT)}${nearest}`
}

/** What the merge request changes in the rules, and what the new ones would say of it. */
export function renderEditedRules({ editedRules, verdict }: NoteView): Markdown | null {
  if (editedRules === null) return null
  const { changes, problems } = editedRules
  const said =
    changes.length === 0
      ? nothing
      : gfm` ${listed(changes, changeWords, { most: MAX_CHANGES })}. That applies after merging.`
  const broken =
    problems.length === 0 || editedRules.verdict !== null
      ? nothing
      : gfm` They cannot be read: ${problemList(problems)}\n\nAs they are, merging would leave no gate.`
  return gfm`**This merge request edits the rules${said === nothing && broken === nothing ? nothing : gfm`:`}**${said}${broken}${consequenceWords(editedRules, verdict)}${unmatchedWords(editedRules)}`
}

function unmatchedWords({ verdict, problems }: EditedRules): Markdown {
  if (verdict === null || problems.length === 0) return nothing
  return gfm` In them, ${listed(problems, problemWords, { most: MAX_PROBLEMS })}.`
}

function changeWords({ subject, scope, field, old, new: current, weaker }: RuleChange): Markdown {
  const about = subject === '' ? nothing : gfm`${code(subject, SHORT_NAME)} `
  const mark = weaker === true ? gfm` (weaker)` : weaker === false ? gfm` (stricter)` : nothing
  return gfm`${about}${code(field, SHORT_NAME)}${scopeWords(scope)} ${sideWords(old)} → **${sideWords(current)}**${mark}`
}

function scopeWords(scope: RuleChange['scope']): Markdown {
  if (scope === null) return nothing
  const { models, datasets } = scope
  return gfm`${models.length > 0 ? gfm` for ${shortList(models)}` : nothing}${datasets.length > 0 ? gfm` on ${shortList(datasets)}` : nothing}`
}

function shortList(names: readonly string[]): Markdown {
  return listed(names, (name) => code(name, SHORT_NAME), { most: 3, separator: gfm`, ` })
}

function sideWords(value: string | null): Markdown {
  return value === null ? gfm`not set` : amountWords(value)
}

function consequenceWords({ verdict: edited, problems }: EditedRules, verdict: Verdict): Markdown {
  if (edited === null) return problems.length > 0 ? nothing : gfm` Without them, no gate would hold.`
  const now = failuresOf(verdict)
  const then = failuresOf(edited)
  const kept = new Set(then.map(subjectKey))
  const remaining = now.filter((broken) => kept.has(subjectKey(broken))).length
  const added = then.length - remaining
  if (now.length === 0) {
    if (added > 0)
      return gfm` With the new rules, the gate would fail: ${figure(count(added, 'rule'))} broken.`
    const warnings = openRules(edited).length
    return warnings === 0
      ? gfm` With the new rules, the gate would pass.`
      : gfm` With the new rules, the gate would pass with ${figure(count(warnings, 'warning'))}.`
  }
  const besides = added > 0 ? gfm`, and ${figure(count(added, 'other rule'))} would be broken` : nothing
  return gfm` With the new rules, ${remainWords(remaining, now.length)}${besides}.`
}

function remainWords(remaining: number, failures: number): Markdown {
  if (failures === 1)
    return remaining === 1 ? gfm`this failure would remain` : gfm`this failure would be gone`
  if (remaining === 0) return gfm`none of these ${failures} failures would remain`
  return remaining === failures
    ? gfm`all ${failures} failures would remain`
    : gfm`${remaining} of these ${failures} failures would remain`
}

function failuresOf(verdict: Verdict): BrokenRule[] {
  return openRules(verdict).filter(({ level }) => level === 'fail')
}

function subjectKey({ kind, dataset, name, result }: BrokenRule): string {
  return JSON.stringify([kind, dataset, name, result?.name ?? null])
}

/** Models that people took out of comparisons, with who and why. */
export function renderExclusions(view: NoteView): Markdown | null {
  const { exclusions } = view
  if (exclusions.length === 0) return null
  const parts = listed(exclusions, ({ name, dataset, side, commit, username, reason }) => {
    const where = side === 'here' ? gfm`here` : gfm`at ${code(commit.slice(0, 7))}`
    return gfm`${nameOf({ name, dataset }, view)} ${where} by ${code(username, SHORT_NAME)}, ${code(reason, MAX_TEXT)}`
  })
  return gfm`**Excluded from the comparison:** ${parts}`
}

/** Said only where it helps: to who sees a first report. */
export function renderNoGate({ comparison, verdict, rules, links, isFork }: NoteView): Markdown | null {
  if (!isFirstReport(comparison) || verdict.applied > 0 || isFork || rules.state === 'unreadable') return null
  const starter = gfm`Copy a starter ${code(rules.path, SHORT_NAME)}`
  return gfm`**Gate:** none set, counts as passed.${links.rules === '' ? nothing : gfm` ${link(starter, links.rules)}`}`
}
