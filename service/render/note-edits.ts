import { groupBy } from '../domain/group.js'
import type { RuleChange } from '../domain/rule-changes.js'
import type { BrokenRule, Verdict } from '../domain/verdict.js'
import { amountWords, SHORT_NAME } from './cells.js'
import type { NoteView } from './columns.js'
import { code, figure, gfm, join, type Markdown, nothing } from './markdown.js'
import type { EditedRules } from './note-input.js'
import { allowedKeys, problemList, unmatchedWords } from './note-rules.js'
import { listed } from './note-words.js'
import { becomesFailure, count, failuresOf, openRules, subjectKey, weakeningOf } from './verdict.js'

const MAX_CHANGES = 6

/** What the merge request takes from the gate by editing the rules, for the top of the note. */
export function renderWeakerRules(view: NoteView): Markdown | null {
  const { editedRules, links, rules, verdict } = view
  const weakening = weakeningOf(view)
  if (editedRules === null || weakening === null) return null
  if (weakening === 'removed') {
    return gfm`**Check this:** this merge request removes ${code(rules.path, SHORT_NAME)}. After merging there is no gate.`
  }
  if (weakening === 'unreadable') {
    return gfm`**Check this:** ${code(rules.path, SHORT_NAME)} of this merge request cannot be read: ${problemList(editedRules.problems)}\n\nAfter merging there is no gate.${allowedKeys(links)}`
  }
  return gfm`**Check this:** this merge request ${changesWords(editedRules)}. ${afterMerging(editedRules.verdict, verdict)}${unmatched(editedRules)}`
}

/** Any other edit of the rules, further down. */
export function renderEditedRules(view: NoteView): Markdown | null {
  const { editedRules, verdict } = view
  if (editedRules === null || weakeningOf(view) !== null) return null
  const { changes } = editedRules
  if (changes.length === 0) {
    return gfm`**This merge request edits the rules.** ${afterMerging(editedRules.verdict, verdict)}${unmatched(editedRules)}`
  }
  return gfm`**Rules edited:** this merge request ${changesWords(editedRules)}. ${afterMerging(editedRules.verdict, verdict)}${unmatched(editedRules)}`
}

/** Those that let more through first, those of one name together. */
function changesWords({ changes }: EditedRules): Markdown {
  const told = changes.filter((change) => !becomesFailure(change, changes))
  const sorted = told.sort((a, b) => Number(b.weaker === true) - Number(a.weaker === true))
  const shown = sorted.slice(0, MAX_CHANGES)
  const groups = groupBy(shown, ({ subject, scope, weaker }) =>
    JSON.stringify([subject, scope, weaker === true]),
  )
  const phrases = [...groups.values()].flatMap((group) =>
    group.map((change, index) => changeWords(change, index === 0)),
  )
  const more = told.length - shown.length
  return inWords(more > 0 ? [...phrases, gfm`makes ${figure(count(more, 'more change'))}`] : phrases)
}

/** `a, b and c` */
function inWords(parts: readonly Markdown[]): Markdown {
  const last = parts.at(-1) ?? nothing
  return parts.length < 2 ? last : gfm`${join(parts.slice(0, -1), gfm`, `)} and ${last}`
}

function changeWords(change: RuleChange, isNamed: boolean): Markdown {
  const { field, old, new: current, weaker } = change
  const [level, limit] = field.split('.')
  if ((level === 'fail' || level === 'warn') && limit !== undefined) {
    return gfm`${limitChange(change, limit, isNamed)}${level === 'warn' ? gfm` (a warning)` : nothing}`
  }
  const whose = isNamed ? whoseWords(change) : nothing
  if (field === 'gate')
    return current === 'off' ? gfm`turns the gate off${whose}` : gfm`turns the gate on${whose}`
  if (field === 'required') {
    const subject = code(change.subject, SHORT_NAME)
    return current === null ? gfm`no longer requires ${subject}` : gfm`requires ${subject}`
  }
  const verb = weaker === true ? gfm`loosens` : weaker === false ? gfm`tightens` : gfm`changes`
  const name = code(field, SHORT_NAME)
  if (old === null) return gfm`sets ${name}${whose} to ${amountWords(current ?? '')}`
  if (current === null) return gfm`removes ${name} ${amountWords(old)}${fromWords(change, isNamed)}`
  return gfm`${verb} ${name}${whose} from ${amountWords(old)} to ${amountWords(current)}`
}

function limitChange(change: RuleChange, limit: string, isNamed: boolean): Markdown {
  const { old, new: current, weaker } = change
  if (old === null) return gfm`adds ${limitWords(limit, current)}${isNamed ? whoseWords(change) : nothing}`
  if (current === null) return gfm`removes ${limitWords(limit, old)}${fromWords(change, isNamed)}`
  const verb = weaker === true ? gfm`loosens` : weaker === false ? gfm`tightens` : gfm`changes`
  const name = isNamed ? gfm` ${code(change.subject, SHORT_NAME)}${scopeWords(change.scope)}` : nothing
  return gfm`${verb}${name} from ${limitWords(limit, old)} to ${limitWords(limit, current)}`
}

/** What a limit asks for, as the gate's own rows say it. */
function limitWords(limit: string, text: string | null): Markdown {
  const amount = amountWords(text ?? '')
  if (limit === 'worse_by') return gfm`at most ${amount} worse`
  return limit === 'below' ? gfm`at least ${amount}` : gfm`at most ${amount}`
}

function whoseWords({ subject, scope }: RuleChange): Markdown {
  const about = subject === '' ? nothing : gfm` for ${code(subject, SHORT_NAME)}`
  return gfm`${about}${scopeWords(scope)}`
}

function fromWords({ subject, scope }: RuleChange, isNamed: boolean): Markdown {
  if (!isNamed) return nothing
  const about = subject === '' ? nothing : gfm` from ${code(subject, SHORT_NAME)}`
  return gfm`${about}${scopeWords(scope)}`
}

function scopeWords(scope: RuleChange['scope']): Markdown {
  if (scope === null) return nothing
  const { models, datasets } = scope
  return gfm`${models.length > 0 ? gfm` of ${shortList(models)}` : nothing}${datasets.length > 0 ? gfm` on ${shortList(datasets)}` : nothing}`
}

function shortList(names: readonly string[]): Markdown {
  return listed(names, (name) => code(name, SHORT_NAME), { most: 3, separator: gfm`, ` })
}

function unmatched({ problems }: EditedRules): Markdown {
  return problems.length === 0 ? nothing : gfm` ${unmatchedWords(problems)}`
}

/** What the edited rules would say of this comparison. */
function afterMerging(edited: Verdict | null, verdict: Verdict): Markdown {
  if (edited === null) return gfm`After merging there is no gate.`
  const now = failuresOf(verdict)
  const accepted = new Set(verdict.broken.filter(({ acceptance }) => acceptance !== null).map(subjectKey))
  const then = failuresOf(edited).filter((broken) => !accepted.has(subjectKey(broken)))
  const known = new Set(now.map(subjectKey))
  const added = then.filter((broken) => !known.has(subjectKey(broken))).length
  if (now.length > 0) {
    const besides = added > 0 ? gfm`, and ${figure(count(added, 'other rule'))} would be broken` : nothing
    return gfm`After merging, ${passingWords(now, then)}${besides}.`
  }
  if (added > 0) return gfm`After merging, the gate would fail: ${figure(count(added, 'rule'))} broken.`
  const warnings = openRules(edited).filter(({ level }) => level === 'warn').length
  const passes = gfm`After merging, the gate would pass`
  return warnings === 0 ? gfm`${passes}.` : gfm`${passes} with ${figure(count(warnings, 'warning'))}.`
}

function passingWords(now: readonly BrokenRule[], then: readonly BrokenRule[]): Markdown {
  const kept = new Set(then.map(subjectKey))
  const passing = now.filter((broken) => !kept.has(subjectKey(broken))).length
  if (now.length === 1) return passing === 1 ? gfm`this failure would pass` : gfm`this failure would remain`
  if (passing === 0)
    return now.length === 2 ? gfm`both failures would remain` : gfm`all ${now.length} failures would remain`
  if (passing < now.length) return gfm`${passing} of the ${now.length} failures would pass`
  return now.length === 2 ? gfm`both failures would pass` : gfm`all ${now.length} failures would pass`
}
