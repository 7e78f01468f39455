import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { renderNote } from '../../render/note.js'
import { cases, noteInput } from './cases.js'
import { judgedCases } from './judged-cases.js'

const all = { ...cases, ...judgedCases }
const folder = new URL('./fixtures/notes/', import.meta.url)

for (const [name, one] of Object.entries(all)) {
  t.test(`the note of ${name} is as in its file`, async (t) => {
    const file = new URL(`${name}.md`, folder)
    const note = renderNote(noteInput(one))
    // `npx tap --snapshot` writes the files anew, to be read before they are committed.
    if (t.writeSnapshot) writeFileSync(file, note)

    t.equal(note, readFileSync(file, 'utf8'))
  })
}

t.test('no file is left of a case that is gone', async (t) => {
  const known = Object.keys(all).map((name) => `${name}.md`)

  t.strictSame(readdirSync(folder).sort(), known.sort())
})
