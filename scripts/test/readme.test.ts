import { readFileSync } from 'node:fs'
import t from 'tap'
import { withTable } from '../configuration-table.js'

t.test('the configuration table of the README is that of config.ts', async (t) => {
  const readme = readFileSync(new URL('../../README.rst', import.meta.url), 'utf8')

  t.equal(withTable(readme), readme, 'run `npm run docs`')
})
