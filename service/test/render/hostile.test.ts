import t from 'tap'
import rehypeRaw from 'rehype-raw'
import remarkGfm from 'remark-gfm'
import remarkParse from 'remark-parse'
import remarkRehype from 'remark-rehype'
import { unified } from 'unified'
import { visitParents } from 'unist-util-visit-parents'
import { renderGfm } from '../../../simulator/gfm.js'
import type { Model } from '../../domain/model.js'
import type { BrokenRule, Verdict } from '../../domain/verdict.js'
import { renderLines } from '../../render/lines.js'
import { renderNote } from '../../render/note.js'
import type { NoteInput } from '../../render/note-input.js'
import { visibleText } from '../../render/text.js'
import { mainModel, model, type ModelFacts } from '../domain/models.js'
import { noteInput } from './cases.js'
import { hostileNames } from './hostile-names.js'

const names = hostileNames(1000)
const perNote = 20
const trusted = /^https:\/\/(git|mlmm)\.example\.com\/research\/iris\//
const ownElements = new Set([
  'h3',
  'p',
  'table',
  'thead',
  'tbody',
  'tr',
  'th',
  'td',
  'code',
  'ul',
  'li',
  'pre',
  'a',
  'strong',
  'details',
  'summary',
  'sub',
  'wbr',
])
/** What our own words and figures are made of, a mark that ends a run of right-to-left letters included. */
const ownText = /^(?:[A-Za-z0-9\s.,:·→↑↓−+±=<'%()–\u00a0\u200e▁-█]|[🔴🟡🟢🔵🟣⚫⚪➖❌]|⚠️)*$/u

/** Twenty names, each in a role of its own, so that over the thousand each fragment has been in all roles. */
function hostileInput(start: number): NoteInput {
  const at = (index: number) => names[start + (index % perNote)] ?? ''
  const make = (index: number, side: (facts: ModelFacts) => Model, value: number) =>
    side({
      name: at(index),
      dataset: at(index + 4),
      results: { [at(index + 8)]: value, accuracy: 0.5 },
      hyperparameters: { [at(index + 12)]: at(index + 12 + value) },
      curves: index === 0 ? [{ name: at(19), count: 3, min: 0, max: 1, last: 1 }] : [],
      job: { name: at(index + 16) },
    })
  const here = [0, 1, 2, 3].map((index) => make(index, model, 2))
  const input = noteInput({
    before: [make(0, mainModel, 4), make(1, mainModel, 2), make(13, mainModel, 1), make(14, mainModel, 1)],
    here: [...here, { ...make(2, model, 3), repeat: at(18) }],
    endedJobs: [at(13 + 16)],
    history: [0, 1].map((index) => ({
      name: at(index),
      dataset: at(index + 4),
      results: { accuracy: [0.1, 0.9, 0.4, 0.3, 0.6], [at(index + 8)]: [1, 2, 3, 4, 5] },
    })),
    previous: [make(0, model, 5)],
    pipeline: {
      silentJobs: [at(14)],
      failedJobs: [
        { name: at(17), status: at(15), url: `https://git.example.com/research/iris/-/${at(16)}` },
      ],
    },
  })
  const told = withDecisions(input, at)
  return start % (2 * perNote) === 0 ? told : { ...told, targetBranch: at(18), headSha: at(19) }
}

/** Names wherever rules, people and the rules' authors may write. */
function withDecisions(input: NoteInput, at: (index: number) => string): NoteInput {
  const { comparison } = input
  const rows = comparison.rows.map((row) => ({
    ...row,
    results: row.results.map((result) => ({ ...result, unit: at(15), percent: false })),
  }))
  const columns = comparison.columns.map((column) => ({ ...column, unit: at(15), percent: false }))
  const problem = { line: 1, column: 2, key: at(1), message: at(2), suggestion: at(3) }
  const kinds = [
    'worse_by',
    'below',
    'above',
    'not_applicable',
    'required',
    'missing',
    'no_baseline',
  ] as const
  const broken = kinds.map((kind, index): BrokenRule => {
    const row = rows[index % rows.length] ?? null
    const isOfResult = index < 4
    return {
      key: kind,
      level: index % 2 ? 'warn' : 'fail',
      kind,
      dataset: at(4),
      name: at(5),
      result: isOfResult ? (row?.results[0] ?? null) : null,
      limit: isOfResult ? { value: 1, text: at(6) } : null,
      row: index === 4 ? null : row,
      withinNoise: index === 1,
      acceptance:
        index > 4 ? { keys: [], headSha: '', username: at(7), reason: at(8), at: new Date(0) } : null,
    }
  })
  const isUnreadable = at(0).length % 2 === 0
  const change = { subject: at(9), scope: { models: [at(10)], datasets: [at(11)] }, old: at(12), new: at(13) }
  const verdict: Verdict = { state: isUnreadable ? 'warn' : 'fail', broken, applied: 7 }
  return {
    ...input,
    comparison: { ...comparison, rows, columns },
    rules: {
      state: isUnreadable ? 'unreadable' : 'read',
      path: '.mlmm.yml',
      commit: at(14),
      problems: [problem, problem],
    },
    verdict,
    editedRules: {
      changes: [{ ...change, field: 'fail.below', weaker: true }],
      problems: [problem],
      verdict: isUnreadable ? null : verdict,
    },
    exclusions: [
      { dataset: at(1), name: at(2), side: 'baseline', commit: at(3), username: at(4), reason: at(5) },
    ],
    groupBy: at(1).length % 2 ? 'folder' : null,
    drawsCharts: true,
  }
}

const starts = Array.from({ length: names.length / perNote }, (_, index) => index * perNote)
const inputs = starts.map(hostileInput)
const notes = inputs.map(renderNote)

const parser = unified().use(remarkParse).use(remarkGfm)
const toTree = unified().use(remarkRehype, { allowDangerousHtml: true }).use(rehypeRaw)
const trees = notes.map((note) => toTree.runSync(parser.parse(note)))

type Root = (typeof trees)[number]
type Element = Extract<Root['children'][number], { type: 'element' }>

t.test('in GitLab nothing of a thousand hostile names is alive', async (t) => {
  for (const [index, note] of notes.entries()) {
    const alive = renderGfm(`<!-- mlmm -->\n\n${note}`)

    t.strictSame(
      alive.links.filter((url) => !trusted.test(url)),
      [],
      `links of note ${index}`,
    )
    const { images, mentions, references, quickActions } = alive
    t.strictSame(
      { images, mentions, references, quickActions },
      { images: [], mentions: [], references: [], quickActions: [] },
    )
    t.strictSame(
      alive.rawHtmlElements.filter((name) => !/^(code|wbr|pre|details|summary|sub)$/.test(name)),
      [],
    )
  }
})

t.test('without any sanitiser there is nothing but our own elements, links and words', async (t) => {
  for (const [index, tree] of trees.entries()) {
    const strange: string[] = []
    visitParents(tree, (node, ancestors) => {
      if (node.type === 'element') strange.push(...strangeIn(node))
      const inCode = ancestors.some((ancestor) => ancestor.type === 'element' && ancestor.tagName === 'code')
      if (node.type === 'text' && !inCode && !ownText.test(node.value)) strange.push(node.value)
      if (node.type === 'comment' || node.type === 'raw' || node.type === 'doctype') strange.push(node.type)
    })
    t.strictSame(strange, [], `note ${index}`)
  }
})

function strangeIn({ tagName, properties }: Element): string[] {
  const strange = ownElements.has(tagName) ? [] : [tagName]
  for (const [name, value] of Object.entries(properties)) {
    const isOwn =
      (name === 'href' && trusted.test(String(value))) ||
      (name === 'align' && /^(left|right)$/.test(String(value))) ||
      (name === 'className' && String(value) === 'language-mermaid')
    if (!isOwn) strange.push(`${tagName} ${name}=${String(value)}`)
  }
  return strange
}

t.test('no table breaks: each row has the cells of its head', async (t) => {
  for (const [index, tree] of trees.entries()) {
    const wrong: number[] = []
    visitParents(tree, 'element', (node) => {
      if (node.tagName !== 'table') return
      const widths: number[] = []
      visitParents(node, 'element', (row) => {
        if (row.tagName === 'tr') widths.push(row.children.filter((cell) => cell.type === 'element').length)
      })
      wrong.push(...widths.filter((width) => width !== widths[0]))
    })
    t.strictSame(wrong, [], `note ${index}`)
  }
})

t.test('every name can be read, with a sign for what cannot be seen', async (t) => {
  for (const [index, tree] of trees.entries()) {
    const codes = codesIn(tree)
    const rows = inputs[index]?.comparison.rows ?? []
    const named = rows.flatMap(({ name, dataset }) => [visibleText(name), visibleText(dataset)])

    const invisible = codes.filter((text) => text === '' || !visible.test(text))
    const absent = named.filter((name) => name.trim() !== '' && !codes.includes(name))
    t.strictSame({ invisible, absent }, { invisible: [], absent: [] }, `note ${index}`)
  }
})

/** Nothing but what is seen; a joiner is where it makes one emoji of two. */
const visible = /^(?:[^\p{C}\p{Zl}\p{Zp}]|(?<=[\p{ExtPict}\p{EMod}])\u200d(?=\p{ExtPict}))*$/u

function codesIn(tree: Root): string[] {
  const codes: string[] = []
  visitParents(tree, 'element', (node) => {
    if (node.tagName !== 'code' || node.properties.className !== undefined) return
    codes.push(node.children.map((child) => (child.type === 'text' ? child.value : '')).join(''))
  })
  return codes
}

t.test('no line begins with what comes from outside', async (t) => {
  const own =
    /^($|### |\| |\|:|- (line \d|<code>|must |needs )|\*\*|Directions|No model|Until|After merging|The first|No settings|and \d|Settings of|With|<details>|<\/details>|<pre><code>|<sub>|```|xychart-beta$| {2}(x-axis|y-axis|line) )/
  for (const [index, note] of notes.entries()) {
    const strange = note.split('\n').filter((line) => !own.test(line))

    t.strictSame(strange, [], `note ${index}`)
  }
})

t.test('the lines for a log hold no control, format or line character', async (t) => {
  for (const [index, input] of inputs.entries()) {
    const strange = renderLines(input).filter((line) => !visible.test(line))

    t.strictSame(strange, [], `lines ${index}`)
  }
})
