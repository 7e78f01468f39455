import t, { type Test } from 'tap'
import { renderGfm } from '../../../simulator/gfm.js'
import { type ComparedModel, type ComparedResult, MODEL_STATES } from '../../domain/comparison.js'
import { isRounded, readShown } from './exact-decimals.js'
import { MAX_NOTE_BYTES, renderNote } from '../../render/note.js'
import type { NoteInput } from '../../render/note-input.js'
import type { BrokenRule } from '../../domain/verdict.js'
import { type Cell, type NoteTable, readNote, tablesOf } from './read-note.js'
import { type RandomForm, randomReport } from './random-reports.js'
import { falseInCell, falseInDifference, falseInRelative, falseInValue } from './told-numbers.js'

const usual = reports({ count: 160, from: 1, mostModels: 14 })
const many = reports({ count: 3, from: 5000, mostModels: 300 })
const hostile = reports({ count: 24, from: 9000, mostModels: 5, isHostile: true })

function reports({ count, from, ...form }: { count: number; from: number } & Omit<RandomForm, 'seed'>) {
  return Array.from({ length: count }, (_, index) => {
    const seed = from + index
    const { input, shuffled } = randomReport({ seed, ...form })
    const note = renderNote(input)
    return { seed, input, shuffled, note, read: readNote(note) }
  })
}

type Report = (typeof usual)[number]

/** Tells of the first few only, as one mistake shows in hundreds of notes. */
function tell(t: Test, all: readonly Report[], wrongIn: (report: Report) => string[]): void {
  const wrong = all.flatMap((report) => wrongIn(report).map((what) => `seed ${report.seed}: ${what}`))
  t.strictSame(wrong.slice(0, 10), [], `${wrong.length} in ${all.length} notes`)
}

t.test('the first line agrees with the tables and the verdict', async (t) => {
  tell(t, [...usual, ...many], (report) => [...wrongInFirstLine(report), ...wrongInGate(report)])
})

function statesOf(rows: readonly ComparedModel[]): Map<string, number> {
  const counts = new Map<string, number>(MODEL_STATES.map((state) => [state, 0]))
  for (const { state } of rows) counts.set(state, (counts.get(state) ?? 0) + 1)
  return counts
}

function wrongInFirstLine({ input, read }: Report): string[] {
  const { comparison, verdict, pipeline } = input
  const counts = statesOf(comparison.rows)
  const open = verdict.broken.filter(({ acceptance }) => acceptance === null)
  const failing = open.filter(({ level }) => level === 'fail').length
  const cancelled = pipeline.failedJobs.filter(({ status }) => status === 'canceled').length
  const failed = pipeline.failedJobs.length - cancelled
  const said = saidIn(read.words)
  const accepted = verdict.broken.length - open.length
  const expected = new Map<string, number>([
    ['training jobs failed', failed],
    ['training jobs cancelled', cancelled],
    ['jobs sent nothing', silentOf(input)],
    ...(verdict.state === 'fail'
      ? [['rules broken', failing] as const]
      : [['broken rules accepted', accepted] as const]),
  ])
  const isFirst = comparison.rows.length > 0 && counts.get('new') === comparison.rows.length
  const trained = comparison.rows.length - (counts.get('not_run') ?? 0)
  if (isFirst && verdict.state !== 'fail') expected.set('models', comparison.rows.length)
  else if (verdict.state !== 'fail' && trained > 0) {
    for (const [state, count] of counts) if (state !== 'not_run') expected.set(wordOf(state), count)
  }
  const wrong = [...expected].filter(([word, count]) => (said.get(word) ?? 0) !== count)
  const surplus = [...said.keys()].filter((word) => !expected.has(word))
  const ofRules = rulesIn(read.words)
  const states = {
    mark: [read.mark, ofRules.length > 0 && verdict.state !== 'fail' ? '⚠️' : markOf(input)],
    rules: [
      ofRules.every((edited) => (edited ? input.editedRules !== null : input.rules.state === 'unreadable')),
      true,
    ],
    failed: [read.words.startsWith('gate failed, '), verdict.state === 'fail'],
    fails: [failing > 0, verdict.state === 'fail'],
    running: [read.isSoFar, pipeline.state === 'running'],
  }
  const unlike = Object.entries(states).filter(([, [shown, real]]) => shown !== real)
  return [...wrong, ...unlike].map((one) => `${read.words}: ${JSON.stringify(one)}`).concat(surplus)
}

/** Jobs that neither failed nor are told of by a model that is missing. */
function silentOf({ comparison: { rows }, pipeline }: NoteInput): number {
  const missing = rows
    .filter(({ state }) => state === 'missing')
    .flatMap(({ baseline }) => baseline?.models ?? [])
  const said = new Set([...pipeline.failedJobs, ...missing.map(({ job }) => job)].map(({ name }) => name))
  return pipeline.state === 'running' ? 0 : pipeline.silentJobs.filter((name) => !said.has(name)).length
}

function wordOf(state: string): string {
  if (state === 'noise') return 'within noise'
  return state === 'same' ? 'unchanged' : state
}

/** `2 worse`, `1 training job failed` → counts by their words, in the plural. */
function saidIn(text: string): Map<string, number> {
  const parts = text.split(', ').flatMap((part): [string, number][] => {
    const [, number, words = ''] = /^(?:none of )?(\d+) (.*)$/.exec(part) ?? []
    if (number === undefined || words === 'models was trained here') return []
    return [[words.replace(/^(training job|broken rule|rule|model|job)(?= |$)/, '$1s'), Number(number)]]
  })
  return new Map(parts)
}

/** What the first line says of rules: true for those of the merge request, false for those of the target branch. */
function rulesIn(text: string): boolean[] {
  return text.split(', ').flatMap((part) => {
    if (part === 'rules cannot be read') return [false]
    return / this merge request |^this merge request (loosens|removes) /.test(part) ? [true] : []
  })
}

function markOf(input: NoteInput): string {
  const { comparison, pipeline, verdict } = input
  const { rows } = comparison
  const counts = statesOf(rows)
  const has = (...states: string[]) => states.some((state) => (counts.get(state) ?? 0) > 0)
  if (verdict.state === 'fail') return '❌'
  if (
    verdict.state === 'warn' ||
    pipeline.failedJobs.length + silentOf(input) > 0 ||
    has('worse', 'missing', 'mixed')
  )
    return '⚠️'
  if (has('better') && !has('changed')) return '🟢'
  return has('better', 'new', 'changed') ? '🔵' : '⚪'
}

/** Open ones that could be applied; where there is no file, nobody asked to be warned of what is missing. */
function rulesToSee({ verdict, rules }: NoteInput): BrokenRule[] {
  return verdict.broken.filter(
    ({ acceptance, kind }) =>
      acceptance === null && kind !== 'not_applicable' && (rules.state === 'read' || kind !== 'missing'),
  )
}

function wrongInGate({ input, read }: Report): string[] {
  const { verdict } = input
  const open = rulesToSee(input)
  const warned = read.lines.find((line) => line.startsWith('Gate passed with')) ?? ''
  const warnings = Number(/^Gate passed with (\d+)/.exec(warned)?.[1] ?? 0)
  const shown = (read.gate?.rows.length ?? 0) + moreIn(read.gate)
  const isTable = verdict.state === 'fail'
  return [
    ...(warnings === (verdict.state === 'fail' ? 0 : open.length) ? [] : [`${warned} of ${open.length}`]),
    ...(shown === (isTable ? open.length : 0) ? [] : [`${shown} rules of ${open.length}`]),
  ]
}

/** How many rows are left out of a table. */
function moreIn(table: NoteTable | null): number {
  const [, shown, all] = /^The first (\d+) of (\d+) rows/.exec(table?.after ?? '') ?? []
  if (all !== undefined) return Number(all) - Number(shown)
  return Number(/^and (\d+) more/.exec(table?.after ?? '')?.[1] ?? 0)
}

t.test('no row is lost: each is in the table, or counted', async (t) => {
  tell(t, [...usual, ...many], wrongInRows)
})

function wrongInRows({ input, read, note }: Report): string[] {
  const { rows } = input.comparison
  const trained = rows.filter(({ state }) => state !== 'not_run')
  const toSee = trained.length <= 8 ? trained : trained.filter(({ state }) => state !== 'same')
  const shown = rowsShown(input, read.results)
  const wrong: string[] = []
  if (shown.length + moreIn(read.results) !== toSee.length)
    wrong.push(`${shown.length} of ${toSee.length} rows`)
  if (shown.length < Math.min(20, toSee.length)) wrong.push(`only ${shown.length} rows`)
  const isInOrder = input.groupBy !== null || shown.every(({ row }, index) => row === toSee[index])
  if (!isInOrder) wrong.push('the rows are not in their order')
  for (const { row, cells, isFirst } of shown) {
    const state = row?.state === 'noise' ? 'within noise' : row?.state
    if (!isFirst && !cells[0]?.text.endsWith(` ${state}`)) wrong.push(`${cells[0]?.text} is ${state}`)
  }
  const summary = /<summary>(.*?)<\/summary>/.exec(note)?.[1] ?? ''
  const total = trained.reduce((sum, { results }) => sum + results.length, 0)
  const parts = {
    result: total,
    unchanged: rows.filter(({ state }) => state === 'same').length,
    'not (?:run|reported)': rows.length - trained.length,
  }
  for (const [words, count] of Object.entries(parts)) {
    const said = Number(new RegExp(`(\\d+) ${words}`).exec(summary)?.[1] ?? 0)
    if (said !== count && summary !== '') wrong.push(`${summary}: ${count} ${words}`)
  }
  const all = (read.all?.rows.length ?? 0) + moreIn(read.all)
  const lines = trained.reduce((sum, { results }) => sum + Math.max(1, results.length), 0)
  if (read.all !== null && all !== lines) wrong.push(`${all} of ${lines} results`)
  return [...wrong, ...wrongInNotRun({ input, read })]
}

function wrongInNotRun({ input, read }: Pick<Report, 'input' | 'read'>): string[] {
  const rows = input.comparison.rows.filter(({ state }) => state === 'not_run')
  const line = read.lines.find((one) => one.startsWith('Models of the baseline not')) ?? ''
  if (rows.length === 0 || line === '') return line === '' ? [] : [line]
  const more = Number(/ and (\d+) more$/.exec(line)?.[1] ?? 0)
  const named = rows.filter(({ name }) => new RegExp(`[ ]${name}(?= |$)`).test(line)).length
  return named + more >= rows.length ? [] : [`${line} for ${rows.length}`]
}

interface ShownRow {
  row: ComparedModel | undefined
  cells: Cell[]
  /** Of a first report, which has no column of states. */
  isFirst: boolean
}

/** Rows of models, found by their links, or by their names where there is nothing to link to; titles of folders are
 * none. */
function rowsShown({ comparison }: NoteInput, table: NoteTable | null): ShownRow[] {
  if (table === null) return []
  const isFirst = table.head[0]?.text === 'Model'
  const byPath = new Map(comparison.rows.map((row) => [pathOf(row), row]))
  const byName = new Map(comparison.rows.map((row) => [row.name.split('/').at(-1), row]))
  return table.rows.flatMap((cells) => {
    const { href = null, text = '' } = cells[isFirst ? 0 : 1] ?? {}
    if (cells[0]?.text === '') return []
    const row =
      href === null
        ? byName.get(text.split(' ')[0]?.split('/').at(-1))
        : byPath.get(href.split('/-/models/')[1] ?? '')
    return [{ row, cells, isFirst }]
  })
}

function pathOf({ name, dataset }: ComparedModel): string {
  return `${encodeURIComponent(name)}/${encodeURIComponent(dataset)}/9bc01d2`
}

t.test('every number is the stored one, at the digits shown', async (t) => {
  tell(t, [...usual, ...many], (report) => [
    ...wrongInResults(report),
    ...wrongInAll(report),
    ...wrongInGateValues(report),
    ...wrongInRepeats(report),
    ...wrongInCurves(report),
  ])
})

function wrongInResults({ input, read: { results: table } }: Report): string[] {
  const columns = table?.head.map(({ source }) => columnOf(source)) ?? []
  return rowsShown(input, table).flatMap(({ row, cells }) =>
    cells.flatMap(({ text }, place) => {
      const name = columns[place]
      if (name === undefined) return []
      const result = row?.results.find((one) => one.name === name)
      if (result === undefined) return text === '–' ? [] : [`${text} for nothing`]
      return falseInCell(text, result, true)
    }),
  )
}

/** `<code>loss</code>,&nbsp;ms&nbsp;↓`; undefined for columns of anything but one result. */
function columnOf(source: string): string | undefined {
  const [, name] = /^<code>(.*?)<\/code>(?:,&nbsp;.*?)?(?:&nbsp;[↑↓])?$/.exec(source) ?? []
  return source.includes('→') ? undefined : name?.replaceAll('&#95;', '_')
}

function wrongInAll({ input, read: { all: table } }: Report): string[] {
  if (table === null) return []
  const place = table.head.findIndex(({ text }) => text === 'Result')
  const listed = input.comparison.rows
    .filter(({ state }) => state !== 'not_run')
    .flatMap(({ results }): (ComparedResult | null)[] => (results.length === 0 ? [null] : results))
  return table.rows.flatMap((cells, index) => {
    const texts = cells.slice(place).map(({ text }) => text)
    const [name = '', old = '', now = '', difference = '', relative = '', state = ''] = texts
    const result = listed[index] ?? null
    if (result === null) return name === 'none' ? [] : [`${name} for nothing`]
    const unit = result.unit !== null && !result.percent ? `, ${result.unit}` : ''
    const isNamed = name === `${result.name}${unit}` && state.startsWith(stateWord(result))
    return [
      ...(isNamed ? [] : [`${texts.join(' | ')} is ${JSON.stringify(result)}`]),
      ...falseInValue(withoutPercent(old, result), result.old, result.oldError, result),
      ...falseInValue(withoutPercent(now, result), result.new, result.newError, result),
      ...falseInDifference(difference, result),
      ...falseInRelative(relative, result),
    ]
  })
}

function stateWord({ state }: ComparedResult): string {
  return state === 'changed' ? 'not judged' : state === 'noise' ? 'within noise' : state
}

function withoutPercent(text: string, { percent }: ComparedResult): string {
  return percent ? text.replace(/%$/, '') : text
}

function wrongInGateValues({ input, read: { gate } }: Report): string[] {
  const open = rulesToSee(input)
  return (gate?.rows ?? []).flatMap((cells, index) => {
    const { result } = open[index] ?? {}
    if (result === undefined || result === null) return []
    const text = cells[2]?.text ?? ''
    if (!text.startsWith(`${result.name} `)) return [`${text} is ${result.name}`]
    const [figures = ''] = text.slice(result.name.length + 1).split(/, (?=at |must |needs )/)
    // In the words of the rule, which are about a part of the baseline.
    if (figures.includes('% worse)')) return []
    return falseInCell(figures, result, false)
  })
}

function wrongInRepeats({ input, read: { repeats: table } }: Report): string[] {
  const models = input.comparison.rows.flatMap((row) => (row.models.length > 1 ? row.models : []))
  const columns = table?.head.map(({ source }) => columnOf(source)) ?? []
  return (table?.rows ?? []).flatMap((cells, index) =>
    cells.flatMap(({ text }, place) => {
      const column = input.comparison.columns.find(({ name }) => name === columns[place])
      if (column === undefined) return []
      const stored = models[index]?.results.findLast(({ k }) => k === column.name)?.v ?? null
      const value = column.percent ? text.replace(/%$/, '') : text
      return falseInValue(value, stored, null, column)
    }),
  )
}

function wrongInCurves({ input, read: { curves: table } }: Report): string[] {
  const form = { percent: false, digits: null }
  const stored = input.comparison.rows.flatMap(({ models }) => models.flatMap(({ curves }) => curves))
  return (table?.rows ?? []).flatMap((cells, index) => {
    const curve = stored[index]
    if (curve === undefined) return ['one curve too many']
    const shown = cells.slice(-4).map(({ text }) => text)
    const values = [curve.count, curve.min, curve.max, curve.last]
    return values.flatMap((value, place) => falseInValue(shown[place] ?? '', value, null, form))
  })
}

function isShownAs(text: string, value: number): boolean {
  const shown = readShown(text)
  return shown !== null && isRounded(shown, { value, scale: 1, slack: 0n })
}

t.test('halves are rounded away from zero, by the exact binary value', async (t) => {
  t.ok(
    isShownAs('0.13', 0.125) && isShownAs('−0.13', -0.125) && isShownAs('3', 2.5) && isShownAs('1.00', 1.005),
  )
  t.notOk(
    isShownAs('0.12', 0.125) ||
      isShownAs('1.01', 1.005) ||
      isShownAs('1.2e−7', 1.3e-7) ||
      isShownAs('0.12', -0.12),
  )
})

t.test('the order of what comes in changes not one byte', async (t) => {
  tell(t, [...usual, ...many, ...hostile], ({ note, shuffled }) => {
    const other = renderNote(shuffled)
    if (other === note) return []
    const [lines, others] = [note.split('\n'), other.split('\n')]
    const at = lines.findIndex((line, index) => line !== others[index])
    return [`${lines[at]}\n${others[at]}`]
  })
})

t.test('no note exceeds its size, breaks a table or raises its voice', async (t) => {
  tell(t, [...usual, ...many, ...hostile], ({ note }) => {
    const widths = tablesOf(note.split('\n')).flatMap(({ head, rows }) =>
      rows
        .filter((cells) => cells.length !== head.length)
        .map((cells) => `${cells.length} of ${head.length} cells`),
    )
    const size = Buffer.byteLength(note)
    return [
      ...widths,
      ...(size > MAX_NOTE_BYTES ? [`${size} bytes`] : []),
      ...(note.includes('!') ? [`it cries ${note.slice(note.indexOf('!') - 40).slice(0, 60)}`] : []),
    ]
  })
})

const trusted = /^https:\/\/(git|mlmm)\.example\.com\/research\/iris\//

t.test('hostile names are dead wherever somebody may write', async (t) => {
  tell(t, hostile, ({ note }) => {
    const page = renderGfm(`<!-- mlmm -->\n\n${note}`)
    const { links, images, mentions, references, quickActions, rawHtmlElements } = page
    const tables = tablesOf(note.split('\n'))
    const cells = tables.reduce((sum, { head, rows }) => sum + head.length * (rows.length + 1), 0)
    return [
      ...links.filter((url) => !trusted.test(url)),
      ...images,
      ...mentions,
      ...references,
      ...quickActions,
      ...rawHtmlElements.filter((name) => !/^(code|wbr|pre|details|summary|sub)$/.test(name)),
      ...(page.html.split(/<t[dh][ >]/).length - 1 === cells ? [] : ['a table is broken']),
      ...strangeLines(note),
    ]
  })
})

/** Lines that do not begin with words or signs of ours. */
function strangeLines(note: string): string[] {
  const own =
    /^($|### |\| |\|:|- line \d|- and \d|- <code>|\*\*|[A-Z][a-z]+ [a-z]|and \d|<details>|<\/details>|<pre><code>|<sub>|```|xychart-beta$| {2}(x-axis|y-axis|line) )/
  return note.split('\n').filter((line) => !own.test(line))
}
