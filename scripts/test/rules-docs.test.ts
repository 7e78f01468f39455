import { readFile } from 'node:fs/promises'
import t from 'tap'
import { describeResult } from '../../service/domain/directions.js'
import { documentedResults } from '../../service/domain/known-results.js'
import { readRules } from '../../service/ingest/rules-file.js'
import { rulesJsonSchema } from '../../service/schemas/rules.js'
import { withWellKnownNames } from '../rules-docs.js'

const page = await readFile(new URL('../../docs/rules.rst', import.meta.url), 'utf8')
const shipped = await readFile(new URL('../../schemas/mlmm-rules.schema.json', import.meta.url), 'utf8')

t.test('docs/rules.rst lists the well-known names of the code (npm run docs)', async (t) => {
  t.equal(page, withWellKnownNames(page))
})

t.test('every documented name has the direction and the kind of its row', async (t) => {
  for (const { names, direction, fraction } of documentedResults()) {
    for (const name of names) {
      t.match(describeResult(name), { direction, fraction, known: names[0] }, name)
    }
  }
})

t.test('schemas/mlmm-rules.schema.json is the schema of the code (npm run docs)', async (t) => {
  t.strictSame(JSON.parse(shipped), JSON.parse(JSON.stringify(rulesJsonSchema)))
})

t.test('every key of the schema is described', async (t) => {
  const keys: string[] = []
  const walk = (node: unknown, path: string) => {
    if (typeof node !== 'object' || node === null) return
    for (const [key, child] of Object.entries(node)) {
      if (key === 'properties') {
        for (const [name, property] of Object.entries(child)) {
          keys.push(`${path}.${name}`)
          t.match(property, { description: /\.$/ }, `${path}.${name}`)
        }
      }
      if (key !== 'examples') walk(child, `${path}.${key}`)
    }
  }

  walk(rulesJsonSchema, '')

  t.ok(keys.length > 40)
})

t.test('the examples of docs/rules.rst are rules without problems', async (t) => {
  const examples = [...page.matchAll(/^\.\. code-block:: yaml\n\n((?: {3}.*\n|\n)+)/gm)].map(
    ([, code = '']) => code.replace(/^ {3}/gm, ''),
  )

  t.ok(examples.length >= 5)
  for (const example of examples) t.strictSame(readRules(example).problems, [], example)
})

t.test('docs/rules.rst quotes a message as it is', async (t) => {
  const { problems } = readRules('results:\n  accuracy:\n    beter: higher\n    fail: {worse_by: 1 pp}\n')
  const [, { line, column, key, message } = { line: 0, column: 0, key: '', message: '' }] = problems

  t.ok(page.replace(/\s+/g, ' ').includes(`${line}:${column} ${key}: ${message}`))
})

t.test('docs/rules.rst names every key', async (t) => {
  const keys = new Set<string>()
  JSON.parse(shipped, (key, value: { properties?: object } | null) => {
    if (key !== 'examples') for (const name of Object.keys(value?.properties ?? {})) keys.add(name)
    return value
  })

  t.ok(keys.size > 20)
  for (const key of keys) t.ok(page.includes(`\`\`${key}\`\``), key)
})
