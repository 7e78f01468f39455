import t from 'tap'
import { identityOf } from '../../domain/baseline.js'
import type { Search } from '../../domain/comparison.js'
import type { Model } from '../../domain/model.js'
import { chooseTrials, type FirstColumn } from '../../domain/trials.js'
import { mainModel, model } from './models.js'

const byAccuracy = { firstColumn: (): FirstColumn => ({ name: 'accuracy', direction: 'higher' }) }
const key = identityOf({ dataset: 'iris', name: 'tree' })

function trial(label: string, accuracy: number, facts: Parameters<typeof model>[0] = {}): Model {
  return model({ id: label, trial: label, results: { accuracy }, ...facts })
}

function named(label: string, jobId: number): Model {
  return trial(label, 0.5, { chosen: true, job: { id: jobId } })
}

function searchOf(models: Model[], rules = byAccuracy): Search | null | undefined {
  return chooseTrials(models, rules).get(key)?.search
}

function idsOf(models: Model[], rules = byAccuracy): string[] {
  return [...chooseTrials(models, rules).values()].flatMap((choice) => choice.models.map(({ id }) => id))
}

t.test('without trials the newest of each repeat counts, and there is no search', async (t) => {
  const older = model({ id: 'older', repeat: '1', job: { id: 1 } })
  const models = [older, model({ id: 'b', repeat: '2' }), model({ id: 'a', repeat: '1' })]

  t.same(idsOf(models), ['a', 'b'])
  t.equal(searchOf(models), null)
})

t.test('what was reported without a trial label stands for the model, all repeats of it', async (t) => {
  const models = [
    trial('1', 0.99, { chosen: true }),
    model({ id: 'b', repeat: '2' }),
    model({ id: 'a', repeat: '1' }),
    trial('2', 0.5),
  ]

  t.same(idsOf(models), ['a', 'b'])
  t.match(searchOf(models), { trials: 2, chosen: null, by: 'report', best: 0.99, worst: 0.5 })
})

t.test('else the trial that the job names, whatever its results', async (t) => {
  const models = [trial('1', 0.9), trial('2', 0.8, { chosen: true }), trial('3', 0.7)]

  t.same(idsOf(models), ['2'])
  t.same(searchOf(models), {
    trials: 3,
    chosen: '2',
    by: 'job',
    result: 'accuracy',
    best: 0.9,
    worst: 0.7,
    median: 0.8,
    failed: 0,
  })
})

t.test('of several jobs that name one the newest wins', async (t) => {
  t.same(idsOf([named('1', 10), named('2', 30), named('3', 20)]), ['2'])
  t.same(idsOf([named('10', 30), named('2', 30)]), ['2'], 'of one job the smaller label')
})

t.test('else the best by the first column', async (t) => {
  const models = [trial('1', 0.7), trial('2', 0.9), trial('3', 0.8)]
  const lower = { firstColumn: (): FirstColumn => ({ name: 'accuracy', direction: 'lower' }) }

  t.same([idsOf(models), searchOf(models)?.by, searchOf(models)?.chosen], [['2'], 'result', '2'])
  t.same(idsOf(models, lower), ['1'])
  t.match(searchOf(models, lower), { best: 0.7, worst: 0.9, median: 0.8 })
})

t.test('the last of a result that is named twice counts', async (t) => {
  const twice = { ...trial('2', 0.9), results: [0.9, 0.1].map((v) => ({ k: 'accuracy', v })) }
  t.same(idsOf([trial('1', 0.5), twice]), ['1'])
})

t.test('NaN and a missing result never win and have failed; an infinity is a value', async (t) => {
  const models = [
    trial('1', Number.NaN),
    trial('2', 0.4),
    trial('3', 0, { results: { loss: 0.1 } }),
    trial('4', Number.NEGATIVE_INFINITY),
  ]

  t.same(idsOf(models), ['2'])
  t.match(searchOf(models), { failed: 2, best: 0.4, worst: Number.NEGATIVE_INFINITY })
  t.match(searchOf([trial('1', -1e308), trial('2', -1.7e308)]), { median: -1.35e308 })
  const infinite = [trial('1', Number.NEGATIVE_INFINITY), trial('2', Number.POSITIVE_INFINITY)]
  t.equal(searchOf(infinite)?.median, null)
})

t.test('where all trials failed none is chosen', async (t) => {
  const models = [trial('1', Number.NaN), trial('2', Number.NaN)]

  t.same(idsOf(models), [])
  t.match(searchOf(models), { chosen: null, by: 'none', failed: 2, best: null, worst: null, median: null })
})

t.test('where no direction is known none is chosen', async (t) => {
  const models = [trial('1', 1), trial('2', 4)]
  const unknown = { firstColumn: (): FirstColumn => ({ name: 'accuracy', direction: 'unknown' }) }

  t.same(idsOf(models, unknown), [])
  t.match(searchOf(models, unknown), {
    chosen: null,
    by: 'none',
    best: null,
    median: 2.5,
    result: 'accuracy',
  })
  const [choice] = chooseTrials(models, { firstColumn: () => null }).values()
  t.match(choice, {
    dataset: 'iris',
    name: 'tree',
    models: [],
    search: { by: 'none', result: null, failed: 0, trials: 2 },
  })
})

t.test('of equal trials the smaller label wins, numbers by their size, in any order', async (t) => {
  for (const [smaller, larger] of [
    ['2', '10'],
    ['lr-2', 'lr-10'],
    ['lr-2-a', 'lr-2-b'],
    ['a', 'a1'],
    ['7', 'a'],
    ['01', '2'],
    ['01', '1'],
    ['9007199254740992', '9007199254740993'],
  ] as const) {
    t.same(idsOf([trial(smaller, 0.9), trial(larger, 0.9)]), [smaller], `${smaller} ${larger}`)
    t.same(idsOf([trial(larger, 0.9), trial(smaller, 0.9)]), [smaller], `${larger} ${smaller}`)
  }
})

t.test('a trial may have repeats: their mean counts and all of them stand for the model', async (t) => {
  const models = [
    trial('1', 0.9, { id: '1a', repeat: 'a' }),
    trial('1', 0.5, { id: '1b', repeat: 'b' }),
    trial('2', 0.8, { id: '2b', repeat: 'b' }),
    trial('2', 0.8, { id: '2a', repeat: 'a' }),
  ]

  t.same(idsOf(models), ['2a', '2b'])
  t.match(searchOf(models), { trials: 2, best: 0.8 })
})

t.test('an older try of a trial does not count', async (t) => {
  const older = trial('1', 0.99, { job: { id: 1 }, chosen: true })
  t.same(idsOf([older, trial('1', 0.5), trial('2', 0.6)]), ['2'])
})

t.test('searches of two hundred trials each are apart', async (t) => {
  const searches = ['tree', 'net'].flatMap((name) =>
    Array.from({ length: 200 }, (_, index) => trial(`${index}`, ((index * 37) % 200) / 200, { name })),
  )

  const choices = chooseTrials([...searches, mainModel({ name: 'plain' })], byAccuracy)

  t.same(
    [...choices.values()].map(({ name, models, search }) => [
      name,
      models.map((one) => one.trial),
      search?.trials,
    ]),
    [
      ['tree', ['27'], 200],
      ['net', ['27'], 200],
      ['plain', [null], undefined],
    ],
  )
})
