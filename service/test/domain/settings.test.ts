import t from 'tap'
import type { Json } from '../../domain/model.js'
import { compareSettings, MAX_SETTING_CHANGES } from '../../domain/settings.js'
import { model } from './models.js'

function changes(old: Record<string, Json>, current: Record<string, Json>): string[] {
  const found = compareSettings(model({ hyperparameters: old }), model({ hyperparameters: current }))
  return found.changes.map(
    (one) => `${one.path} ${one.change} ${JSON.stringify(one.old)} ${JSON.stringify(one.new)}`,
  )
}

function many(value: number): Record<string, Json> {
  return Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`k${index}`, value]))
}

t.test('leaves are compared by path', async (t) => {
  t.strictSame(changes({ lr: 0.1 }, { lr: 0.05 }), ['lr changed 0.1 0.05'])
  t.strictSame(changes({ a: { b: { c: 1, d: 2 } } }, { a: { b: { c: 1, d: 3 } } }), ['a.b.d changed 2 3'])
  t.strictSame(changes({ a: 1 }, {}), ['a removed 1 null'])
  t.strictSame(changes({}, { a: null }), ['a added null null'])
  t.strictSame(changes({ a: { b: 1 } }, { a: 1 }), ['a changed {"b":1} 1'])
  t.strictSame(changes({ a: [] }, { a: {} }), ['a changed [] {}'])
  t.strictSame(changes({ a: '1' }, { a: 1 }), ['a changed "1" 1'])
})

t.test('short lists are compared whole, long ones by index', async (t) => {
  t.strictSame(changes({ layers: [64, 64] }, { layers: [64, 32] }), ['layers changed [64,64] [64,32]'])

  const long = Array.from({ length: 40 }, (_, index) => index * 1000)
  t.strictSame(changes({ a: long }, { a: long.with(39, 1) }), ['a[39] changed 39000 1'])
  t.strictSame(changes({ a: long }, { a: [...long, 7] }), ['a[40] added null 7'])
})

t.test('what is the same is not told', async (t) => {
  t.strictSame(changes({ a: { x: 1, y: [1, { z: 2 }] } }, { a: { y: [1, { z: 2 }], x: 1 } }), [])
  t.strictSame(changes({ a: 0, b: [0] }, { a: -0, b: [-0] }), [])
  t.strictSame(changes({ a: Number.NaN }, { a: Number.NaN }), [])
  t.strictSame(changes(JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": 1}')), [])
})

t.test('keys of any kind are compared', async (t) => {
  const old = JSON.parse('{"a": {"__proto__": 1, "constructor": 2}}')
  const current = JSON.parse('{"a": {"__proto__": 3, "constructor": 2}}')

  t.strictSame(changes(old, current), ['a.__proto__ changed 1 3'])
})

t.test('hyperparameters come first, each kind in the order of code units', async (t) => {
  const old = model({ hyperparameters: { b: 1, B: 1, ä: 1 }, parameters: { a: 1 } })
  const current = model({ hyperparameters: { b: 2, B: 2, ä: 2 }, parameters: { a: 2 } })

  const found = compareSettings(old, current)

  t.strictSame(
    found.changes.map(({ kind, path }) => `${kind} ${path}`),
    ['hyperparameter B', 'hyperparameter b', 'hyperparameter ä', 'parameter a'],
  )
})

t.test('beyond the cap differences are counted only', async (t) => {
  const found = compareSettings(model({ parameters: many(1) }), model({ parameters: many(2) }))

  t.equal(found.changes.length, MAX_SETTING_CHANGES)
  t.equal(found.total, 250)
})

t.test('depth ends somewhere', async (t) => {
  const nest = (depth: number, leaf: Json): Json => (depth === 0 ? leaf : { n: nest(depth - 1, leaf) })

  const found = compareSettings(
    model({ parameters: { a: nest(300, 1) } }),
    model({ parameters: { a: nest(300, 2) } }),
  )

  t.equal(found.changes.length, 1)
})
