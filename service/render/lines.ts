import type { ComparedModel, ComparedResult } from '../domain/comparison.js'
import type { BrokenRule } from '../domain/verdict.js'
import { breachText, ruleText } from './broken-rule.js'
import { mainColumns } from './columns.js'
import type { NoteInput } from './note-input.js'
import { type FigureText, figures } from './numbers.js'
import { problemLine } from './rules-problem.js'
import { textWidth, visibleText } from './text.js'
import { count, STATE_WORDS, verdictText, wordOf } from './verdict.js'

export type LinesInput = Pick<
  NoteInput,
  'comparison' | 'pipeline' | 'targetBranch' | 'links' | 'verdict' | 'rules' | 'editedRules'
>

const MAX_LINES = 20
const MAX_BROKEN = 10
const MAX_PROBLEMS = 3
const MAX_NAME_LENGTH = 40
const MAX_PROBLEM_LENGTH = 300

/**
 * The comparison for a job's log: the verdict, a line for each broken rule and for each model that is told of, the
 * address of all of it. Indented lines begin with a word that a terminal may colour: `broken`, `warning`, `accepted`, or
 * the state of a model.
 */
export function renderLines(input: LinesInput): string[] {
  const { comparison, links, verdict } = input
  const toTell = verdict.broken.filter((one) => !isSaidByItsRow(one))
  const broken = toTell.slice(0, MAX_BROKEN)
  const columns = new Set(mainColumns(comparison).map(({ name }) => name))
  const told = comparison.rows.filter(({ state }) => state !== 'not_run')
  const models = told.slice(0, MAX_LINES - broken.length)
  const lines = align([...broken.map(brokenCells), ...models.map((row) => modelCells(row, columns))])
  return [
    verdictLine(input),
    ...problemLines(input),
    ...lines.slice(0, broken.length),
    ...more(toTell.length - broken.length, 'more broken rule'),
    ...lines.slice(broken.length),
    ...more(told.length - models.length, 'more model'),
    ...(links.comparison === '' ? [] : [`Full comparison: ${address(links.comparison)}`]),
  ]
}

function isSaidByItsRow({ kind, level, result, acceptance }: BrokenRule): boolean {
  return kind === 'missing' && level === 'warn' && result === null && acceptance === null
}

function more(number: number, words: string): string[] {
  return number > 0 ? [`  and ${count(number, words)}`] : []
}

/** Only what keeps the rules from being applied. */
function problemLines({ rules }: LinesInput): string[] {
  if (rules.state !== 'unreadable') return []
  const lines = rules.problems.slice(0, MAX_PROBLEMS).map((problem) => problemLine(rules.path, problem))
  return [
    ...lines.map((line) => `  warning  ${visibleText(line, MAX_PROBLEM_LENGTH)}`),
    ...more(rules.problems.length - lines.length, 'more problem'),
  ]
}

function brokenCells(broken: BrokenRule): string[] {
  const { level, acceptance, name, dataset, result } = broken
  const word = acceptance !== null ? 'accepted' : level === 'fail' ? 'broken' : 'warning'
  const about = result === null ? '' : `${nameOf(result.name)} `
  return [word, nameOf(name), nameOf(dataset), `${about}${ruleText(broken)}: ${breachText(broken)}`]
}

function verdictLine(input: LinesInput): string {
  const { comparison, pipeline, targetBranch } = input
  const soFar = pipeline.state === 'running' ? ' so far' : ''
  const commits = new Set(
    comparison.rows.flatMap(({ baseline, state }) =>
      baseline === null || state === 'not_run' ? [] : [baseline.commit],
    ),
  )
  const [commit] = commits
  const branch = visibleText(targetBranch)
  const one = `, compared with ${visibleText((commit ?? '').slice(0, 7))} on ${branch}`
  const many = `, compared with ${commits.size} commits on ${branch}`
  const compared = commits.size === 0 ? '' : commits.size === 1 ? one : many
  return `Model results${soFar}: ${verdictText(input)}${compared}`
}

function modelCells(row: ComparedModel, columns: ReadonlySet<string>): string[] {
  const shown = row.results.filter(({ name, state }) => columns.has(name) || state === 'worse')
  const words = shown.slice(0, 4).map((result) => resultWords(result, row))
  return [wordOf(row), nameOf(row.name), nameOf(row.dataset), ...words]
}

function nameOf(text: string): string {
  return visibleText(text, MAX_NAME_LENGTH).trim() || '(blank name)'
}

function resultWords(result: ComparedResult, row: ComparedModel): string {
  const name = nameOf(result.name)
  const text = figures(result)
  return `${name} ${figureWords(result, row, text)}`.replaceAll('\u00a0', ' ')
}

function figureWords(result: ComparedResult, row: ComparedModel, text: FigureText): string {
  const repeats = repeatsOf(result)
  if (result.new === null) return `${text.old} → none`
  const alone = repeats === null ? `${text.new}` : `${text.new} (${repeats})`
  if (result.old === null) return row.baseline === null ? alone : `${alone} new`
  if (result.state === 'same') return alone
  const facts = [text.difference, repeats].filter((fact) => fact !== null).join(', ')
  const change = `${text.old} → ${text.new}${facts === '' ? '' : ` (${facts})`}`
  return `${change}${stateWord(result, row)}`
}

/** Said only where the state of the row does not say it. */
function stateWord({ state }: ComparedResult, row: ComparedModel): string {
  if (state === row.state || state === 'changed') return ''
  return row.state === 'mixed' || state === 'noise' ? ` ${STATE_WORDS[state]}` : ''
}

/** How many trainings the means are of. */
function repeatsOf({ oldRepeats, newRepeats, old }: ComparedResult): string | null {
  if (newRepeats < 2 && oldRepeats < 2) return null
  return old === null || oldRepeats === newRepeats ? `n ${newRepeats}` : `n ${oldRepeats} and ${newRepeats}`
}

/** Pads every cell but the last of its line to the widest of its column. */
function align(lines: string[][]): string[] {
  const widths: number[] = []
  for (const line of lines) {
    for (const [index, cell] of line.slice(0, -1).entries()) {
      widths[index] = Math.max(widths[index] ?? 0, textWidth(cell))
    }
  }
  return lines.map((line) => {
    const cells = line.map((cell, index) =>
      index === line.length - 1 ? cell : pad(cell, widths[index] ?? 0),
    )
    return `  ${cells.join('  ')}`
  })
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - textWidth(cell)))
}

function address(url: string): string {
  return url.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character.toWellFormed()))
}
