import type { ComparedModel, ComparedResult } from '../domain/comparison.js'
import { groupBy } from '../domain/group.js'
import { type Noise, NOISE_LEVEL } from '../domain/noise.js'
import { SHORT_NAME } from './cells.js'
import type { NoteView } from './columns.js'
import { code, figure, gfm, join, type Markdown, nothing } from './markdown.js'
import { listed, nameOf } from './note-words.js'
import { figures } from './numbers.js'

/** A difference of more test samples than this is hardly one sample's doing. */
const FEW_SAMPLES = 3

/** How it was told that a difference is within the noise: once for the note, only where one is. */
export function renderNoiseWords({ comparison, targetBranch }: NoteView): Markdown | null {
  const noises: Noise[] = []
  for (const { results } of comparison.rows) {
    for (const { state, noise } of results) if (state === 'noise' && noise !== null) noises.push(noise)
  }
  if (noises.length === 0) return null
  const counts = noises.filter(({ kind }) => kind === 'history').map(({ historyCount }) => historyCount)
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  const level = gfm`${NOISE_LEVEL * 100}% level`
  const trainings = least === most ? gfm`${most}` : gfm`${least} to ${most}`
  const ways = [
    noises.some(({ kind }) => kind === 'repeats') ? gfm`Welch's test over the repeats` : null,
    counts.length > 0 ? gfm`the spread of the last ${trainings} trainings on ${targetBranch}` : null,
  ].filter((way) => way !== null)
  return gfm`<sub>Within noise: chance alone may explain the difference (${join(ways, gfm`, or `)}, ${level})</sub>`
}

interface FewSamples {
  row: ComparedModel
  result: ComparedResult
  worth: number
}

/** Where a difference is a few test samples, what one of them is worth. */
export function renderFewSamples(view: NoteView): Markdown | null {
  const { comparison, mainColumns } = view
  const names = new Set(mainColumns.filter(({ fraction }) => fraction).map(({ name }) => name))
  const few: FewSamples[] = []
  for (const row of comparison.rows) {
    for (const result of row.results) {
      const { sampleWorth: worth } = result
      if (worth !== null && names.has(result.name) && isFew(result, worth)) few.push({ row, result, worth })
    }
  }
  if (few.length === 0) return null
  const groups = [...groupBy(few, ({ result, worth }) => `${worth} ${result.name}`).values()]
  return gfm`**Few test samples:** ${listed(groups, (group) => fewWords(group, view), { most: 2 })}`
}

function isFew({ state, difference }: ComparedResult, worth: number): boolean {
  const differs = state === 'worse' || state === 'better' || state === 'noise'
  return differs && difference !== null && Math.abs(difference) <= worth * (FEW_SAMPLES + 0.5)
}

/** `one of 30 is 3.3 pp of accuracy: tree differs by 1` */
function fewWords(group: readonly FewSamples[], view: NoteView): Markdown {
  const [first] = group
  if (first === undefined) return nothing
  const { worth, result } = first
  const form = { percent: result.percent, old: 0, new: worth, difference: worth, relative: null }
  const one = figure((figures(form).difference ?? '').slice(1))
  const rows = listed(
    group,
    ({ row, result }) => gfm`${nameOf(row, view)} differs by ${samplesOf(result, worth)}`,
    {
      most: 3,
      separator: gfm`, `,
    },
  )
  return gfm`one of ${1 / worth} is ${one} of ${code(result.name, SHORT_NAME)}, and ${rows}`
}

function samplesOf({ difference }: ComparedResult, worth: number): Markdown {
  const samples = Math.round(Math.abs(difference ?? 0) / worth)
  return samples === 0 ? gfm`less than 1` : gfm`${samples}`
}
