import type { ComparedModel, ComparedResult } from '../domain/comparison.js'
import { groupBy } from '../domain/group.js'
import { isWithinNoise, type Noise, NOISE_LEVEL } from '../domain/noise.js'
import { SHORT_NAME } from './cells.js'
import type { NoteView } from './columns.js'
import { code, figure, gfm, join, type Markdown, nothing, own } from './markdown.js'
import { listed, nameOf } from './note-words.js'
import { figures } from './numbers.js'

/** A difference of more test samples than this is hardly one sample's doing. */
const FEW_SAMPLES = 3

/** More models than this are counted. */
const MAX_TESTED = 3

interface Tested {
  row: ComparedModel
  noise: Noise
}

/** What chance has to do with the differences, where that could be told: one line for each way of telling. */
export function renderNoiseWords(view: NoteView): Markdown | null {
  const tested = view.comparison.rows.flatMap((row): Tested[] => {
    const noise = clearest(row)
    return noise === null ? [] : [{ row, noise }]
  })
  const ways = [
    testedWords(
      tested.filter(({ noise }) => noise.kind === 'repeats'),
      view,
    ),
    testedWords(
      tested.filter(({ noise }) => noise.kind === 'history'),
      view,
    ),
  ].filter((way) => way !== null)
  return ways.length === 0 ? null : gfm`<sub>${join(ways, gfm` `)}</sub>`
}

/** Of the results that differ, the one that chance explains least. */
function clearest({ results }: ComparedModel): Noise | null {
  let found: Noise | null = null
  for (const { state, training, noise } of results) {
    if (noise === null || training || !TESTED.has(state)) continue
    if (found === null || noise.p < found.p) found = noise
  }
  return found
}

const TESTED = new Set<ComparedResult['state']>(['worse', 'better', 'noise'])

function testedWords(tested: readonly Tested[], view: NoteView): Markdown | null {
  const [first] = tested
  if (first === undefined) return null
  const beyond = tested.filter(({ noise }) => !isWithinNoise(noise))
  const level = gfm`(${NOISE_LEVEL * 100}% level)`
  const way =
    first.noise.kind === 'repeats'
      ? gfm`Welch's test over the repeats ${level}:`
      : gfm`Held against the spread of ${lastTrainings(tested)} on ${view.targetBranch} ${level}:`
  if (tested.length > MAX_TESTED) return gfm`${way} ${countedWords(beyond.length, tested.length)}.`
  const each = tested.map(({ row, noise }) => {
    const is = isWithinNoise(noise) ? gfm`is not beyond chance` : gfm`is beyond chance`
    return gfm`${nameOf(row, view)} ${is} (${pValue(noise.p)})`
  })
  return gfm`${way} ${join(each, gfm`, `)}.`
}

function lastTrainings(tested: readonly Tested[]): Markdown {
  const counts = tested.map(({ noise }) => noise.historyCount)
  const [least, most] = [Math.min(...counts), Math.max(...counts)]
  return gfm`the last ${least === most ? gfm`${most}` : gfm`${least} to ${most}`} trainings`
}

function countedWords(beyond: number, all: number): Markdown {
  if (beyond === all) return gfm`all ${all} models are beyond chance`
  if (beyond === 0) return gfm`none of ${all} models is beyond chance`
  return gfm`${beyond} of ${all} models ${beyond === 1 ? gfm`is` : gfm`are`} beyond chance`
}

/** `p = 0.003` */
export function pValue(p: number): Markdown {
  if (p < 0.001) return own('p &lt; 0.001')
  return gfm`p = ${figure(String(Number(p < 0.1 ? p.toPrecision(2) : p.toFixed(2))))}`
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
  const words = (group: readonly FewSamples[]) => fewWords(group, groups.length > 1, view)
  return gfm`**Few test samples:** ${listed(groups, words, { most: 2, separator: gfm` ` })}`
}

function isFew({ state, difference }: ComparedResult, worth: number): boolean {
  const differs = state === 'worse' || state === 'better' || state === 'noise'
  return differs && difference !== null && Math.abs(difference) <= worth * (FEW_SAMPLES + 0.5)
}

/** `the test set has 30 samples, so one sample is 3.3 pp. tree lost 1.` */
function fewWords(group: readonly FewSamples[], isNamed: boolean, view: NoteView): Markdown {
  const [first] = group
  if (first === undefined) return nothing
  const { worth, result } = first
  const form = { percent: result.percent, old: 0, new: worth, difference: worth, relative: null }
  const one = figure((figures(form).difference ?? '').slice(1))
  const of = isNamed ? gfm` of ${code(result.name, SHORT_NAME)}` : nothing
  const rows = listed(group, ({ row, result }) => gfm`${nameOf(row, view)} ${samplesOf(result, worth)}`, {
    most: 3,
    separator: gfm`, `,
  })
  return gfm`the test set has ${1 / worth} samples, so one sample is ${one}${of}. ${rows}.`
}

function samplesOf({ difference, direction }: ComparedResult, worth: number): Markdown {
  const change = difference ?? 0
  const samples = Math.round(Math.abs(change) / worth)
  const isGain = change > 0 === (direction === 'higher')
  const number = samples === 0 ? gfm`less than 1` : gfm`${samples}`
  return isGain ? gfm`gained ${number}` : gfm`lost ${number}`
}
