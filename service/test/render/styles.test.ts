import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'

const views = new URL('../../../views/', import.meta.url)

function textOf(folder: string): string {
  const within = new URL(`${folder}/`, views)
  return readdirSync(within)
    .map((file) => readFileSync(new URL(file, within), 'utf8'))
    .join('\n')
}

const templates = ['layouts', 'partials', 'pages'].map(textOf).join('\n')
const styles = textOf('styles').replaceAll(/\/\*.*?\*\//gs, '')

/** What `class="state {{state}}"` may say, and the gate's rules. */
const states = 'better worse mixed changed new missing noise same not_run broken warning accepted'.split(' ')
/** For the eyes of tests and readers of the source; no rule needs them. */
const unstyled = ['arrow', 'difference', 'links']

const styled = new Set([...styles.matchAll(/\.([a-z_][\w-]*)/gi)].map(([, name = '']) => name))
const used = new Set(
  [...templates.matchAll(/class="([^"]*)"/g)].flatMap(([, names = '']) =>
    names
      .replaceAll(/\{\{.*?\}\}/g, ' ')
      .split(/\s+/)
      .filter((name) => name !== ''),
  ),
)

t.test('each rule of the stylesheet is for something on a page', async (t) => {
  t.ok(styled.size > 40, `${styled.size} classes`)
  for (const name of styled) t.ok(used.has(name) || states.includes(name), `.${name}`)
})

t.test('each class on a page has a rule', async (t) => {
  for (const name of used) t.ok(styled.has(name) || unstyled.includes(name), `class="${name}"`)
})

t.test('pages have no styles of their own', async (t) => {
  t.notMatch(templates, / style=|<style/)
})
