import t from 'tap'
import { createGlob } from '../../domain/globs.js'
import { nearest } from '../../domain/spelling.js'

const globs: [string, string, boolean][] = [
  ['accuracy', 'accuracy', true],
  ['accuracy', 'Accuracy', false],
  ['accuracy', 'val_accuracy', false],
  ['*', '', true],
  ['*', 'any/thing', true],
  ['**', 'any', true],
  ['*_ms', 'p99_ms', true],
  ['*_ms', 'test/p99_ms', true],
  ['*_ms', '_ms', true],
  ['*_ms', 'p99_ms_max', false],
  ['fraud/*', 'fraud/a/b', true],
  ['fraud/*', 'fraud', false],
  ['fraud/*', 'xfraud/a', false],
  ['a*b*c', 'abc', true],
  ['a*b*c', 'axbxbxc', true],
  ['a*b*c', 'acb', false],
  ['ab*ba', 'aba', false],
  ['a*a*a', 'aa', false],
  ['*b*', 'abc', true],
  ['a.c', 'abc', false],
  ['[ab]', 'a', false],
  ['a?', 'ab', false],
]

t.test('patterns', async (t) => {
  for (const [pattern, name, matches] of globs)
    t.equal(createGlob(pattern)(name), matches, `${pattern} ${name}`)
})

t.test('a pattern of many stars takes no time', async (t) => {
  t.equal(createGlob(`${'a*'.repeat(30_000)}b`)('a'.repeat(30_000)), false)
})

const spellings: [string, string[], string | null][] = [
  ['acuracy', ['loss', 'accuracy'], 'accuracy'],
  ['accuarcy', ['accuracy', 'accurate'], 'accuracy'],
  ['WORSE_BY', ['above', 'worse_by'], 'worse_by'],
  ['bellow', ['worse_by', 'below', 'above'], 'below'],
  ['abvoe', ['below', 'above'], 'above'],
  ['fial', ['pass', 'warn', 'fail'], 'fail'],
  ['mx', ['min', 'max'], 'max'],
  ['colour', ['better', 'format'], null],
  ['x', [], null],
  ['', ['a'], 'a'],
]

t.test('the nearest spelling', async (t) => {
  for (const [word, known, wanted] of spellings) t.equal(nearest(word, known), wanted, word)
})
