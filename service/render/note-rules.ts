import type { RulesProblem } from '../domain/rules.js'
import { SHORT_NAME } from './cells.js'
import type { NoteView } from './columns.js'
import { code, gfm, join, link, type Markdown, nothing } from './markdown.js'
import { listed, nameOf } from './note-words.js'
import { isFirstReport } from './verdict.js'

const MAX_PROBLEMS = 5
const MAX_TEXT = 200
const MAX_KEY = 80

/** Why the rules of the target branch could not be read, or what in them is about nothing that was reported. */
export function renderRules({ rules, targetBranch, links }: NoteView): Markdown | null {
  const { state, path, problems } = rules
  if (state === 'unreadable') {
    const consequence = gfm`Until the file is fixed on ${targetBranch}, no rule is checked, and names tell whether higher is better.`
    return gfm`**${code(path, SHORT_NAME)} on ${targetBranch} cannot be read:** ${problemList(problems)}\n\n${consequence}${allowedKeys(links)}`
  }
  if (problems.length === 0) return null
  return gfm`**In ${code(path, SHORT_NAME)} on ${targetBranch}:** ${unmatchedWords(problems)}`
}

export function allowedKeys({ rules }: NoteView['links']): Markdown {
  return rules === '' ? nothing : gfm` ${link(gfm`See the allowed keys`, rules)}.`
}

/** What in a file that can be read is about nothing that was reported. */
export function unmatchedWords(problems: readonly RulesProblem[]): Markdown {
  return listed(problems, unmatchedSentence, { most: MAX_PROBLEMS, separator: gfm` ` })
}

const UNMATCHED = /^(.*) matches no (result|model|dataset) that was reported$/s

function unmatchedSentence(problem: RulesProblem): Markdown {
  const { line, key, message, suggestion } = problem
  const [, pattern, what] = UNMATCHED.exec(message) ?? []
  if (pattern === undefined) return gfm`${problemWords(problem)}.`
  const hint = suggestion === null ? nothing : gfm` Did you mean ${code(suggestion, SHORT_NAME)}?`
  const place = gfm`line ${line}, ${code(key, 80)}`
  return gfm`${unmatchedWhat(key, pattern)} (${place}): no ${unmatchedKind(what)} has that name.${hint}`
}

function unmatchedWhat(key: string, pattern: string): Markdown {
  const shown = code(pattern, SHORT_NAME)
  return key.startsWith('note.')
    ? gfm`The column ${shown} shows nothing`
    : gfm`The rule for ${shown} checks nothing`
}

function unmatchedKind(what: string | undefined): Markdown {
  if (what === 'model') return gfm`model`
  return what === 'dataset' ? gfm`dataset` : gfm`result`
}

/** One on the line, several as a list below it. */
export function problemList(problems: readonly RulesProblem[]): Markdown {
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

/** Models that people took out of comparisons, with who and why. */
export function renderExclusions(view: NoteView): Markdown | null {
  const { exclusions } = view
  if (exclusions.length === 0) return null
  const parts = listed(exclusions, ({ name, dataset, side, commit, username, reason }) => {
    const from = side === 'here' ? gfm`this merge request` : gfm`the results of ${code(commit.slice(0, 7))}`
    return gfm`${code(username, SHORT_NAME)} excluded ${nameOf({ name, dataset }, view)} from ${from}: ${code(reason, MAX_TEXT)}`
  })
  return gfm`**Excluded:** ${parts}`
}

/** Said only where it helps: to who sees a first report. */
export function renderNoGate({ comparison, verdict, rules, links, isFork }: NoteView): Markdown | null {
  if (!isFirstReport(comparison) || verdict.applied > 0 || isFork || rules.state === 'unreadable') return null
  const starter = gfm`Copy a starter ${code(rules.path, SHORT_NAME)}`
  return gfm`**Gate:** none set, counts as passed.${links.rules === '' ? nothing : gfm` ${link(starter, links.rules)}`}`
}
