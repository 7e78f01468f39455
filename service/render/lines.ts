import type { ComparedModel, ComparedResult } from '../domain/comparison.js'
import { mainColumns } from './columns.js'
import type { NoteInput } from './note-input.js'
import { figures } from './numbers.js'
import { textWidth, visibleText } from './text.js'
import { count, STATE_WORDS, verdictText } from './verdict.js'

export type LinesInput = Pick<NoteInput, 'comparison' | 'pipeline' | 'targetBranch' | 'links'>

const MAX_LINES = 20
const MAX_NAME_LENGTH = 40

/** The comparison for a job's log: the verdict, a line for each model that is told of, the address of all of it. */
export function renderLines(input: LinesInput): string[] {
  const { comparison, links } = input
  const columns = new Set(mainColumns(comparison).map(({ name }) => name))
  const told = comparison.rows.filter(({ state }) => state !== 'not_run')
  const cells = told.slice(0, MAX_LINES).map((row) => modelCells(row, columns))
  const more = told.length > MAX_LINES ? [`  and ${count(told.length - MAX_LINES, 'more model')}`] : []
  return [
    verdictLine(input),
    ...align(cells).map((line) => `  ${line}`),
    ...more,
    `Full comparison: ${address(links.comparison)}`,
  ]
}

function verdictLine({ comparison, pipeline, targetBranch }: LinesInput): string {
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
  return `Model results${soFar}: ${verdictText({ comparison, pipeline })}${compared}`
}

function modelCells(row: ComparedModel, columns: ReadonlySet<string>): string[] {
  const shown = row.results.filter(({ name, state }) => columns.has(name) || state === 'worse')
  const words = shown.slice(0, 4).map((result) => resultWords(result, row))
  return [STATE_WORDS[row.state], nameOf(row.name), nameOf(row.dataset), ...words]
}

function nameOf(text: string): string {
  return visibleText(text, MAX_NAME_LENGTH).trim() || '(blank name)'
}

function resultWords(result: ComparedResult, row: ComparedModel): string {
  const name = nameOf(result.name)
  const text = figures(result)
  if (result.new === null) return `${name} ${text.old} → none`
  if (result.old === null) return `${name} ${text.new}${row.baseline === null ? '' : ' new'}`
  if (result.state === 'same') return `${name} ${text.new}`
  const difference = text.difference === null ? '' : ` (${text.difference})`
  const word = row.state === 'mixed' && result.state !== 'changed' ? ` ${result.state}` : ''
  return `${name} ${text.old} → ${text.new}${difference}${word}`.replaceAll('\u00a0', ' ')
}

/** Pads every column but the last to its widest cell. */
function align(lines: string[][]): string[] {
  const widths: number[] = []
  for (const line of lines) {
    for (const [index, cell] of line.entries()) widths[index] = Math.max(widths[index] ?? 0, textWidth(cell))
  }
  return lines.map((line) =>
    line
      .map((cell, index) => pad(cell, widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - textWidth(cell)))
}

function address(url: string): string {
  return url.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character.toWellFormed()))
}
