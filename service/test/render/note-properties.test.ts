import t from 'tap'
import { MODEL_STATES, type ModelState } from '../../domain/comparison.js'
import type { Model } from '../../domain/model.js'
import { MAX_NOTE_BYTES, renderNote } from '../../render/note.js'
import { MARKS, STATE_WORDS, verdictText } from '../../render/verdict.js'
import { mainModel, model } from '../domain/models.js'
import { type Case, noteInput } from './cases.js'
import { randomNumbers } from './hostile-names.js'

const resultNames = ['accuracy', 'loss', 'gini', 'latency_ms', 'train_loss', 'f1']
const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -0, 1e300, 1e-300]

/** Up to `most` models, of which each side lacks some, in every state there is. */
function randomCase(seed: number, most: number): Case {
  const next = randomNumbers(seed)
  const chance = (part: number) => next() < part
  const before: Model[] = []
  const here: Model[] = []
  for (let index = Math.floor(next() * most); index > 0; index--) {
    const facts = { name: `m${index}`, dataset: `d${index % 3}`, job: { name: `job ${index % 4}` } }
    const old = resultNames.filter(() => chance(0.7)).map((name) => [name, next()] as const)
    const current = old
      .filter(() => chance(0.95))
      .map(([name, value]) => [name, chance(0.6) ? value : changed(value)] as const)
    if (chance(0.8)) before.push(mainModel({ ...facts, results: Object.fromEntries(old) }))
    if (chance(0.8)) here.push(model({ ...facts, results: Object.fromEntries(current) }))
  }
  return { before, here, endedJobs: ['job 1', 'job 2'] }

  function changed(value: number): number {
    return next() < 0.1 ? (special[Math.floor(next() * special.length)] ?? 0) : value * (0.9 + next() * 0.2)
  }
}

function shuffled<T>(items: readonly T[], seed: number): T[] {
  const next = randomNumbers(seed)
  return items
    .map((item) => ({ item, at: next() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}

/** Two hundred characters. */
function long(index: number): string {
  return `${'@'.repeat(196)}${String(index).padStart(4, '0')}`
}

function longModels(side: typeof model, accuracy: number): Model[] {
  return Array.from({ length: 500 }, (_, index) =>
    side({
      name: long(index),
      dataset: long(index % 7),
      results: { [long(1)]: accuracy, accuracy: index % 2 ? accuracy : 0.5 },
      hyperparameters: { [long(2)]: long(index + (accuracy > 0.5 ? 1 : 0)) },
      job: { name: long(index) },
    }),
  )
}

function rowsOf(note: string, state: ModelState): number {
  return note.split('\n').filter((line) => line.startsWith(`| ${MARKS[state]}&nbsp;${STATE_WORDS[state]} |`))
    .length
}

t.test('the order of the input changes nothing in the note', async (t) => {
  for (let seed = 1; seed <= 60; seed++) {
    const one = randomCase(seed, 30)
    const other = { ...one, before: shuffled(one.before ?? [], seed), here: shuffled(one.here, seed + 1) }

    t.equal(renderNote(noteInput(other)), renderNote(noteInput(one)), `seed ${seed}`)
  }
})

t.test('the first line counts the rows below it', async (t) => {
  const words: Partial<Record<ModelState, string>> = { ...STATE_WORDS, same: 'unchanged' }
  for (let seed = 100; seed < 200; seed++) {
    const input = noteInput(randomCase(seed, 30))
    const note = renderNote(input)
    const [first = ''] = note.split('\n')
    if (first.includes('first report')) continue

    t.ok(first.endsWith(verdictText(input)))
    const isSmall = input.comparison.rows.length - input.comparison.counts.not_run <= 8
    for (const state of MODEL_STATES.filter((one) => one !== 'not_run' && (isSmall || one !== 'same'))) {
      const said = new RegExp(`(\\d+) ${words[state]}(,|$)`).exec(first)?.[1] ?? '0'
      t.equal(rowsOf(note, state), Number(said), `${state} of seed ${seed}`)
    }
  }
})

t.test('no result is lost: what the table leaves out is in the details', async (t) => {
  for (let seed = 200; seed < 260; seed++) {
    const input = noteInput(randomCase(seed, 12))
    const note = renderNote(input)

    for (const { name, dataset } of input.comparison.rows) {
      t.ok(
        note.includes(`<code>${name}</code>`) && note.includes(`<code>${dataset}</code>`),
        `${name} of seed ${seed}`,
      )
    }
  }
})

t.test(
  'five hundred models with the longest names stay below the size, the changed rows first',
  async (t) => {
    const jobs = Array.from({ length: 300 }, (_, index) => ({ name: long(index), status: 'failed', url: '' }))
    const input = noteInput({
      before: longModels(mainModel, 0.9),
      here: longModels(model, 0.4),
      pipeline: { failedJobs: jobs },
    })

    const note = renderNote({ ...input, previous: { headSha: '1', comparison: input.comparison } })

    t.ok(Buffer.byteLength(note) <= MAX_NOTE_BYTES)
    t.match(note.split('\n')[0], /300 training jobs failed, 250 worse, 250 changed/)
    t.ok(rowsOf(note, 'worse') >= 20)
    t.match(note, /Not shown: [^\n]*\[full comparison\]/)
    t.match(note.trimEnd().split('\n').at(-1), /^<sub>Compared with .*full comparison.*<\/sub>$/)
  },
)

t.test(
  'a thousand broken rules with the longest names leave room for the results and the way out',
  async (t) => {
    const jobs = Array.from({ length: 300 }, (_, index) => ({ name: long(index), status: 'failed', url: '' }))
    const input = noteInput({
      before: longModels(mainModel, 0.9),
      here: longModels(model, 0.4),
      rules: `results: {"@*": {better: higher, fail: {worse_by: 0.1, below: 0.9}}}`,
      accepts: ({ name }) => name.endsWith('7'),
      pipeline: { failedJobs: jobs, silentJobs: jobs.map(({ name }) => name) },
    })

    const note = renderNote({ ...input, previous: { headSha: '1', comparison: input.comparison } })

    t.ok(Buffer.byteLength(note) <= MAX_NOTE_BYTES)
    t.match(note.split('\n')[0], /❌ Model results: gate failed, 900 rules broken, 300 training jobs failed$/)
    t.match(note, /more in the \[full comparison\]/)
    t.match(note, /a Maintainer can \[accept the change\]/)
    t.ok(rowsOf(note, 'worse') >= 10)
  },
)

t.test('an input with nothing in it is a note all the same', async (t) => {
  const note = renderNote(noteInput({ here: [] }))

  t.match(
    note,
    /^### ⚪ Model results: none reported\n\nNo model was trained in this pipeline[^\n]*\n\n<sub>head /,
  )
})
