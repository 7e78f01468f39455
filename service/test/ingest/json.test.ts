import t from 'tap'
import { parseJson } from '../../ingest/json.js'

t.test('bare NaN and Infinity become those floats, wherever they stand', async (t) => {
  const parsed = parseJson('{"a": NaN, "b": [Infinity, -Infinity], "c": {"d": NaN}}') as Record<
    string,
    unknown
  >

  t.same(parsed, { a: Number.NaN, b: [Infinity, -Infinity], c: { d: Number.NaN } })
})

t.test('the same words inside strings stay strings', async (t) => {
  const parsed = parseJson('{"NaN": "NaN", "q": "a \\"NaN\\" b", "x": NaN, "~float:": "~float:1"}')

  t.same(parsed, { NaN: 'NaN', q: 'a "NaN" b', x: Number.NaN, '~float:': '~float:1' })
})

t.test('the last of duplicate keys wins', async (t) => {
  t.same(parseJson('{"a": 1, "a": 2}'), { a: 2 })
})

t.test('__proto__ is a key like any other', async (t) => {
  const parsed = parseJson('{"__proto__": {"x": NaN}}') as object

  t.same(Object.keys(parsed), ['__proto__'])
  t.equal(Object.getPrototypeOf(parsed), Object.prototype)
})

t.test('numbers beyond 2^53 become the nearest double', async (t) => {
  t.same(parseJson('[9007199254740993]'), [9007199254740992])
})

t.test('nesting beyond any call stack is parsed, with and without bare floats', async (t) => {
  const deep = 100_000

  t.doesNotThrow(() => parseJson(`${'['.repeat(deep)}1${']'.repeat(deep)}`))
  t.doesNotThrow(() => parseJson(`${'['.repeat(deep)}NaN${']'.repeat(deep)}`))
})

for (const text of [
  '',
  '{',
  '{"a": nan}',
  '{"a": -NaN}',
  '{"a": +Infinity}',
  '{a: 1}',
  "{'a': 1}",
  '[1,]',
  'NaNN',
]) {
  t.test(`refuses ${text === '' ? 'nothing' : text}`, async (t) => {
    t.throws(() => parseJson(text), { code: 'INVALID_JSON' })
  })
}

function names(count: number): string {
  return Array.from({ length: count }, (_, i) => `"\\"a:${i}": {"b": ":::"}`).join(',')
}

t.test('an object of more than 10,000 names is refused before it is parsed', async (t) => {
  t.doesNotThrow(() => parseJson(`[{${names(10_000)}}, {${names(5_000)}}]`))
  t.throws(() => parseJson(`{"results": {${names(10_001)}`, 'mlmm.json'), {
    code: 'LIMIT_EXCEEDED',
    field: 'mlmm.json',
  })
})
