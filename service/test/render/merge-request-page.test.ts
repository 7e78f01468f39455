import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { createAddresses } from '../../domain/addresses.js'
import { compare } from '../../domain/compare.js'
import { toComparedTable } from '../../domain/compared-table.js'
import { createGitLabAddresses } from '../../domain/gitlab-addresses.js'
import { judge } from '../../domain/judge.js'
import type { Model } from '../../domain/model.js'
import { createRuleBook } from '../../domain/rule-book.js'
import { compareRules } from '../../domain/rule-changes.js'
import { noRules } from '../../domain/rules.js'
import { toStoredRules, toStoredVerdict } from '../../domain/stored-verdict.js'
import { readRules } from '../../ingest/rules-file.js'
import { mainColumns } from '../../render/columns.js'
import { createHtmlRenderer, type HtmlSources } from '../../render/html.js'
import { type MergeRequestInput, mergeRequestView } from '../../render/pages/merge-request.js'
import { baseline, mainModel, model } from '../domain/models.js'

const views = new URL('../../../views/', import.meta.url)

function templates(folder: string): Record<string, string> {
  const within = new URL(`${folder}/`, views)
  const files = readdirSync(within).map((file) => [file.replace('.hbs', ''), new URL(file, within)] as const)
  return Object.fromEntries(files.map(([name, file]) => [name, readFileSync(file, 'utf8').trimEnd()]))
}

const html = createHtmlRenderer(
  {
    layout: templates('layouts').page ?? '',
    partials: templates('partials'),
    pages: templates('pages') as HtmlSources['pages'],
  },
  { homeHref: '/', styleHref: '/style.css', iconHref: '/icon.svg' },
)

const headSha = '9bc01d2'.padEnd(40, 'b')
const webUrl = 'https://git.example.com/research/iris'
const rulesText = `results:
  accuracy: {format: percent, fail: {worse_by: 1pp, below: 90%}}
  loss: {warn: {above: 0.2}}
  fruad: {tolerance: 1%}
`

interface Story {
  here: Model[]
  before: Model[]
  rules?: string
  accepted?: string
}

function inputOf({ here, before, rules: text, accepted }: Story): MergeRequestInput {
  const { rules, problems } = text === undefined ? { rules: noRules, problems: [] } : readRules(text)
  const book = createRuleBook(rules ?? noRules)
  const comparison = compare({
    candidates: here,
    baselines: before.map((one) => baseline([one])),
    endedJobs: new Set(),
    rules: book,
  })
  const judged = { comparison, rules: book, isFinal: true }
  const { broken } = judge({ ...judged, acceptances: [] })
  const keys = broken.map(({ key }) => key)
  const acceptance = { keys, headSha, username: 'maya', reason: accepted ?? '', at: new Date(0) }
  const verdict = judge({ ...judged, acceptances: accepted === undefined ? [] : [acceptance] })
  const state = text === undefined ? 'none' : rules === null ? 'unreadable' : 'read'
  return {
    project: { id: 'p1', path: 'research/iris', defaultBranch: 'main', gitlabProjectId: 77, standing: null },
    mayAccept: false,
    result: null,
    publicUrl: 'https://mlmm.example.com',
    mrIid: 12,
    mrState: 'opened',
    targetBranch: 'main',
    headSha,
    summary: '1 worse',
    table: toComparedTable(comparison, mainColumns(comparison)),
    pipeline: { id: 812, state: 'finished', jobsReported: 1, jobsTotal: 1, failedJobs: [] },
    verdict: toStoredVerdict(verdict),
    rules: toStoredRules({
      rules: { state, path: '.mlmm.yml', commit: text === undefined ? null : headSha, problems },
      editedRules: null,
      exclusions: [],
    }),
    judgedAt: new Date('2026-01-02T03:04:05Z'),
    addresses: createAddresses(''),
    gitlab: createGitLabAddresses(webUrl),
  }
}

function page(input: MergeRequestInput): string {
  return html.render('merge-request', mergeRequestView(input))
}

/** The text of a page with one blank wherever there was markup. */
function words(input: MergeRequestInput): string {
  return page(input)
    .replace(/<[^>]+>/g, ' ')
    .replace(/(?:&nbsp;|\s)+/g, ' ')
}

const worse: Story = {
  here: [model({ name: 'logistic', results: { accuracy: 0.8933, loss: 0.241 } })],
  before: [mainModel({ name: 'logistic', results: { accuracy: 0.9333, loss: 0.21 } })],
  rules: rulesText,
}

t.test('broken rules stand with their level, limit and figures', async (t) => {
  const shown = words(inputOf(worse))

  t.match(shown, 'Gate failed: 2 rules broken, 1 warning.')
  t.match(
    shown,
    /broken accuracy worse by at most 1pp logistic iris 93.3 → 89.3% \(−4.0 pp\) \w{8} → \w{8} train/,
  )
  t.match(shown, 'The rules are those of .mlmm.yml on main at 9bc01d2b .')
  t.match(shown, 'broken accuracy at least 90% logistic iris 93.3 → 89.3%')
  t.match(shown, 'warning loss at most 0.2 logistic iris 0.210 → 0.241 (+0.031)')
})

t.test('how they are accepted is one command, with the head that it is for', async (t) => {
  const shown = page(inputOf(worse))

  t.match(shown, '<h2 id="accept">')
  const command = /<pre class="copy">(curl[^<]+)<\/pre>/
    .exec(shown)?.[1]
    ?.replace(/&quot;/g, '"')
    .replace(/&#x27;/g, "'")
  t.match(command, 'https://mlmm.example.com/api/v1/projects/77/merge_requests/12/acceptance')
  t.match(command, `"head_sha":"${headSha}"`)
})

t.test('a failed gate is told once, and the models are counted beside it', async (t) => {
  const input = inputOf(worse)

  const shown = words({ ...input, summary: 'gate failed, 2 rules broken, 1 training job failed' })

  t.match(shown, 'Gate failed: 2 rules broken, 1 warning. 1 training job failed, 1 worse')
  t.equal(shown.match(/gate failed/gi)?.length, 1)
})

t.test('who may accept gets a form, others the word of who may', async (t) => {
  const mine = page({ ...inputOf(worse), mayAccept: true })
  const theirs = page(inputOf(worse))
  const merged = page({ ...inputOf(worse), mayAccept: true, mrState: 'merged' })

  t.match(mine, '<form method="post" action="/-/projects/p1/merge_requests/12/accept"')
  t.match(mine, `name="head_sha" value="${headSha}"`)
  t.notMatch(theirs, '<form')
  t.match(theirs, 'A Maintainer can accept')
  t.notMatch(merged, /<form|Accept the broken rules/)
})

t.test('what is accepted says who and why, and is not to be accepted again', async (t) => {
  const shown = words(inputOf({ ...worse, accepted: 'the <b>old</b> data leaked' }))

  t.match(shown, 'Gate passed: 3 broken rules accepted.')
  t.match(shown, 'accepted accuracy worse by at most 1pp')
  t.match(shown, '3 rules accepted by maya at 1970-01-01 00:00 : the &lt;b&gt;old&lt;/b&gt; data leaked')
  t.notMatch(shown, 'Accept the broken rules')
})

t.test('rules with errors say where, and no rules how to begin', async (t) => {
  const broken = words(inputOf({ ...worse, rules: 'results:\n  accuracy: {wran: {below: 90%}}\n' }))
  const none = page(inputOf({ here: worse.here, before: worse.before }))

  t.match(broken, 'It has errors, so that none of it holds')
  t.match(broken, '.mlmm.yml:2:14: results.accuracy.wran: &quot;wran&quot; is not known here')
  t.match(broken, 'Did you mean &quot;warn&quot;?')
  t.match(broken, 'No gate is set.')
  t.match(none, '<h2 id="rules">')
  const starter = /<pre>(results:[^<]+)<\/pre>/.exec(none)?.[1] ?? ''
  t.equal(readRules(starter).problems.length, 0, starter)
})

t.test('edited rules and excluded models are told of', async (t) => {
  const input = inputOf(worse)
  const old = readRules(rulesText).rules ?? noRules
  const current =
    readRules(rulesText.replace('1pp', '3pp').replace('below: 90%', 'below: 50%')).rules ?? noRules
  const book = createRuleBook(current)
  const comparison = compare({
    candidates: worse.here,
    baselines: worse.before.map((one) => baseline([one])),
    endedJobs: new Set(),
    rules: book,
  })
  const edited = judge({ comparison, rules: book, acceptances: [], isFinal: true })
  const rules = toStoredRules({
    rules: { state: 'read', path: '.mlmm.yml', commit: headSha, problems: [] },
    editedRules: { changes: compareRules(old, current), problems: [], verdict: edited },
    exclusions: [
      {
        dataset: 'iris',
        name: 'tree',
        side: 'baseline',
        commit: headSha,
        username: 'dev',
        reason: 'wrong data',
      },
    ],
  })

  const shown = words({ ...input, rules })

  t.match(shown, 'With your new rules This merge request edits .mlmm.yml .')
  t.match(shown, 'With the new rules, the gate would fail.')
  t.match(shown, 'broken accuracy worse by at most 3pp logistic iris 93.3 → 89.3% (−4.0 pp)')
  t.notMatch(shown, 'accuracy at least 50%')
  t.match(shown, 'accuracy: fail.worse_by 1pp 3pp lets more through')
  t.match(shown, 'tree on iris of what it would be compared with, 9bc01d2b : excluded by dev , wrong data')
})

t.test('repeats show their error and what chance explains', async (t) => {
  const values = [0.931, 0.928, 0.935, 0.93, 0.929]
  const before = values.map((accuracy, index) =>
    mainModel({ repeat: String(index), id: `m${index}`, results: { accuracy } }),
  )
  const here = values.map((accuracy, index) =>
    model({
      repeat: String(index),
      id: `h${index}`,
      testSize: 1000,
      results: { accuracy: accuracy + 0.001 },
    }),
  )
  const book = createRuleBook(noRules)
  const comparison = compare({
    candidates: here,
    baselines: [baseline(before)],
    endedJobs: new Set(),
    rules: book,
  })
  const input = inputOf(worse)

  const shown = words({ ...input, table: toComparedTable(comparison, mainColumns(comparison)) })

  t.match(shown, /within noise tree mean of 5/)
  t.match(shown, /93\.06 ± 0\.12 → 93\.16 ± 0\.12%/)
  t.match(
    shown,
    /mean of 5 before, 5 here; chance alone makes such a difference \d+% of the time, told by the repeats/,
  )
  t.match(shown, 'one sample of the test data is worth 0.1 pp')
})

function repeatsOf(accuracy: number) {
  return [accuracy, accuracy + 0.02].map((value, index) => ({
    repeat: String(index),
    results: { accuracy: value },
  }))
}

t.test('a difference that is all chance is so all of the time', async (t) => {
  const book = createRuleBook(noRules)
  const comparison = compare({
    candidates: repeatsOf(0.9).map((one, index) => model({ ...one, id: `h${index}` })),
    baselines: [baseline(repeatsOf(0.90001).map((one, index) => mainModel({ ...one, id: `m${index}` })))],
    endedJobs: new Set(),
    rules: book,
  })

  const shown = words({ ...inputOf(worse), table: toComparedTable(comparison, mainColumns(comparison)) })

  t.match(shown, 'chance alone makes such a difference 100% of the time')
})

t.test('rows of older versions are shown as they were', async (t) => {
  const { verdict: _verdict, rules: _rules, table, ...input } = inputOf(worse)
  const old = JSON.parse(JSON.stringify(table)) as typeof table
  for (const row of old.rows) {
    for (const result of row.results as object[]) {
      for (const key of ['unit', 'digits', 'noise', 'oldError', 'newError', 'tolerance', 'sampleWorth']) {
        Reflect.deleteProperty(result, key)
      }
    }
    if (row.baseline !== null) Reflect.deleteProperty(row.baseline, 'carriedFrom')
  }
  const verdict = { state: 'fail', broken: [{ key: 'k', level: 'fail', accepted: false }] } as const

  const shown = words({ ...input, table: old })
  const judged = words({ ...input, table: old, verdict: { ...verdict, broken: [...verdict.broken] } })

  t.match(shown, /worse logistic iris 93\.3 → 89\.3% \(−4\.0 pp\)/)
  t.notMatch(shown, /Gate|Rules:/)
  t.equal(judged, shown)
})
