import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { MARKS, STATE_WORDS } from '../../service/render/verdict.js'
import { MODEL_STATES } from '../../service/domain/comparison.js'
import { root } from './documentation.js'

const page = readFileSync(join(root, 'docs/note.rst'), 'utf8')

t.test('docs/note.rst explains every state, in the order of the note', async (t) => {
  const section = page.slice(page.indexOf('States of a model'), page.indexOf('The gate\n'))
  const told = [...section.matchAll(/^ {3}\* - (\S+ .+)$/gm)].map(([, state]) => state)

  t.strictSame(
    told,
    MODEL_STATES.flatMap((state) => {
      const words = `${MARKS[state]} ${STATE_WORDS[state]}`
      return state === 'changed' ? [words, `${MARKS[state]} not comparable`] : [words]
    }),
  )
})

t.test('docs/note.rst quotes words that notes use', async (t) => {
  const words = notes()
  const tables = [...page.matchAll(/^ {3}\* - The note says\n(.*?)\n\n\S/gms)].map(([, table = '']) => table)
  const quoted = tables.flatMap((table) =>
    [...table.matchAll(/^ {3}\* - (.+)$/gm)].flatMap(([, cell = '']) => cell.split('`` and ``')),
  )

  t.ok(quoted.length >= 20, `${quoted.length} phrases`)
  for (const cell of quoted) t.match(words, pattern(cell.replaceAll('``', '')), cell)
})

/** All golden notes and the words that they are made of, without markup. */
function notes(): string {
  const golden = join(root, 'service/test/render/fixtures/notes')
  const render = join(root, 'service/render')
  const texts = [...textsIn(golden, '.md'), ...textsIn(render, '.ts')]
  return texts.join('\n').replaceAll('&nbsp;', ' ')
}

function textsIn(folder: string, extension: string): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(extension))
  return names.map((name) => readFileSync(join(folder, name), 'utf8'))
}

/** Whole words, with any number where there is one. */
function pattern(phrase: string): RegExp {
  const escaped = phrase.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll(/\d+/g, '\\d+')
  return new RegExp(`(?<!\\w)${escaped}(?!\\w)`)
}
