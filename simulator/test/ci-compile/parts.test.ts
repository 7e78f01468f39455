import t from 'tap'

import { parseDuration } from '../../ci/duration.js'
import { compileGlob } from '../../ci/glob.js'
import { listInstances } from '../../ci/job-instances.js'
import { createMask } from '../../ci/mask.js'
import type { JobConfig, RefPolicy } from '../../ci/pipeline-config.js'
import { findMatchingRule, matchesRefPolicies } from '../../ci/rules.js'
import { evaluateExpression } from '../../ci/rule-expression.js'
import { expandVariables } from '../../ci/variables.js'

function refs(...names: string[]): RefPolicy {
  return { refs: names, variables: null, changes: null }
}

function variablesAre(...texts: string[]): RefPolicy {
  return { refs: null, variables: texts, changes: null }
}

function changesIn(...globs: string[]): RefPolicy {
  return { refs: null, variables: null, changes: globs }
}

function matrix(count: number): JobConfig['parallel'] {
  return { matrix: [{ N: Array.from({ length: count }, (_, at) => String(at)) }] }
}

t.test('rules:if expressions', async (t) => {
  const variables = { A: 'a', B: 'b', EMPTY: '', ZERO: '0', PATTERN: '/^A$/i', PATH: 'x/y', QUOTE: `"'` }
  const cases: [string, boolean][] = [
    ['$A', true],
    ['${A}', true],
    ['$EMPTY', false],
    ['$UNSET', false],
    ['$constructor', false],
    ['$ZERO', true],
    ['$A == "a"', true],
    ["$A == 'a'", true],
    ['$A != "a"', false],
    ['$A == $B', false],
    ['"a" == $A', true],
    ['$UNSET == null', true],
    ['$EMPTY == null', false],
    ['$EMPTY == ""', true],
    ['$UNSET == ""', false],
    ['$UNSET != "a"', true],
    ['$A =~ /^a$/', true],
    ['$A =~ /^A$/', false],
    ['$A =~ /^A$/i', true],
    ['$A !~ /b/', true],
    ['$UNSET =~ /./', false],
    ['$UNSET !~ /./', true],
    ['$A =~ $PATTERN', true],
    ['$B =~ $PATTERN', false],
    ['$A =~ $B', false],
    ['$PATH =~ /^x\\/y$/', true],
    ['$QUOTE == "$QUOTE"', false],
    ['$A && $UNSET', false],
    ['$A || $UNSET', true],
    ['$A == "a" && $B == "b"', true],
    ['$A == "a" || $B == "x" && $UNSET', true],
    ['($A == "a" || $B == "x") && $UNSET', false],
    ['( $A )', true],
    ['"(" == "("', true],
  ]

  for (const [expression, expected] of cases) {
    t.equal(evaluateExpression(expression, variables), expected, expression)
  }
})

t.test('an expression that GitLab would not read is refused', async (t) => {
  for (const expression of ['', '$A ==', '== $A', '($A', '$A)', '$A $B', '$A = "a"', 'A == 1', '$A =~ /(/']) {
    t.throws(() => evaluateExpression(expression, {}), { name: 'PipelineError' }, expression)
  }
})

t.test('globs match as in GitLab', async (t) => {
  const cases: [string, string, boolean][] = [
    ['fraud/**/*', 'fraud/a.py', true],
    ['fraud/**/*', 'fraud/deep/er/a.py', true],
    ['fraud/**/*', 'fraud2/a.py', false],
    ['fraud/*', 'fraud/deep/a.py', false],
    ['fraud/**', 'fraud/deep/a.py', false],
    ['**/*.csv', 'a.csv', true],
    ['**/*.csv', 'x/.hidden/a.csv', true],
    ['*.csv', 'x/a.csv', false],
    ['*.{csv,json}', 'a.json', true],
    ['*.{csv,json}', 'a.yml', false],
    ['a?.py', 'ab.py', true],
    ['a?.py', 'a/.py', false],
    ['a[0-9].py', 'a7.py', true],
    ['a[!0-9].py', 'a7.py', false],
    ['a+(b).py', 'a+(b).py', true],
    ['\\*.py', '*.py', true],
    ['\\*.py', 'a.py', false],
    ['a{b', 'a{b', true],
    ['.gitlab-ci.yml', 'xgitlab-ci.yml', false],
  ]

  for (const [pattern, path, expected] of cases) {
    t.equal(compileGlob(pattern).test(path), expected, `${pattern} on ${path}`)
  }
})

t.test('durations', async (t) => {
  const cases: [string, number | null][] = [
    ['3600', 3_600],
    ['1h 30m', 5_400],
    ['1h30m', 5_400],
    ['90 minutes', 5_400],
    ['1 hour and 5 seconds', 3_605],
    ['2 days', 172_800],
    ['1 week', 604_800],
    ['1.5 hrs', 5_400],
    ['soon', null],
    ['5 parsecs', null],
    ['', null],
  ]

  for (const [text, expected] of cases) t.equal(parseDuration(text), expected, text)
})

t.test('variables name each other, and predefined ones are taken as they are', async (t) => {
  const expanded = expandVariables(
    {
      A: '$B-${C}',
      B: '[$C]',
      C: 'c',
      LOOP: '$POOL',
      POOL: '$LOOP!',
      NAME: '$NAME two',
      COST: '$$5 $$A',
      GONE: '<$NOWHERE>',
      RAW: '$TITLE',
      LAST: 'a$',
    },
    { NAME: 'one', TITLE: 'a $C' },
  )

  t.same(expanded, {
    A: '[c]-c',
    B: '[c]',
    C: 'c',
    LOOP: '!',
    POOL: '!',
    NAME: 'one two',
    COST: '$5 $A',
    GONE: '<>',
    RAW: 'a $C',
    LAST: 'a$',
  })
})

t.test('only and except', async (t) => {
  const paths = { listChanged: async () => ['a.py'], listAll: async () => [] }
  const push = { CI_PIPELINE_SOURCE: 'push', CI_COMMIT_BRANCH: 'main', CI_COMMIT_REF_NAME: 'main' }
  const tag = { CI_PIPELINE_SOURCE: 'push', CI_COMMIT_TAG: 'v1', CI_COMMIT_REF_NAME: 'v1' }
  const merge = { CI_PIPELINE_SOURCE: 'merge_request_event', CI_COMMIT_REF_NAME: 'main' }
  const cases: [string, RefPolicy | null, RefPolicy | null, Record<string, string>, boolean][] = [
    ['a branch', refs('branches'), null, push, true],
    ['a tag is no branch', refs('branches'), null, tag, false],
    ['a tag', refs('tags'), null, tag, true],
    ['a merge request is neither', refs('branches', 'tags', 'main'), null, merge, false],
    ['a merge request', refs('merge_requests'), null, merge, true],
    ['a name', refs('main'), null, push, true],
    ['a pattern', refs('/^v\\d/'), null, tag, true],
    ['a source', refs('schedules'), null, push, false],
    ['except a name', null, refs('main'), push, false],
    ['except another', null, refs('other'), push, true],
    ['variables', variablesAre('$NOT_SET', '$CI_COMMIT_BRANCH == "main"'), null, push, true],
    ['except variables', refs('branches'), variablesAre('$CI_COMMIT_BRANCH'), push, false],
    ['changes', changesIn('*.py'), null, push, true],
    ['other changes', changesIn('*.js'), null, push, false],
  ]

  for (const [title, only, except, predefined, expected] of cases) {
    t.equal(await matchesRefPolicies(only, except, { predefined, variables: {}, paths }), expected, title)
  }
})

t.test('without a commit to compare with, everything has changed', async (t) => {
  const rule = { changes: { paths: ['fraud/*'], compareTo: null } }
  const matches = async (changed: string[] | null) => {
    const paths = { listChanged: async () => changed, listAll: async () => [] }
    return (await findMatchingRule([rule], { predefined: {}, variables: {}, paths })) === rule
  }

  t.equal(await matches(null), true)
  t.equal(await matches([]), false)
  t.equal(await matches(['fraud/a.py']), true)
})

t.test('parallel makes 1 to 200 jobs', async (t) => {
  t.equal(listInstances('a', matrix(200)).length, 200)
  t.throws(() => listInstances('a', matrix(201)), {
    message: 'jobs:a:parallel makes 201 jobs; 1 to 200 can be',
  })
  t.throws(() => listInstances('a', matrix(0)), { name: 'PipelineError' })
})

t.test('a secret is masked wherever the text is cut', async (t) => {
  const text = 'a secret-token and secret-tok, secrets: secret-token!secre'
  for (let cut = 0; cut <= text.length; cut++) {
    const seen: string[] = []
    const mask = createMask(['secret-token', 'secrets', ''], (part) => seen.push(part))

    mask.write(text.slice(0, cut))
    mask.write(text.slice(cut))
    mask.end()

    t.equal(seen.join(''), 'a [MASKED] and secret-tok, [MASKED]: [MASKED]!secre', `cut at ${cut}`)
  }
})

t.test('what cannot be part of a secret is passed on at once', async (t) => {
  const seen: string[] = []
  const mask = createMask(['secret'], (part) => seen.push(part))

  mask.write('a line\n')
  mask.write('an opening: sec')
  mask.write('ond')

  t.same(seen, ['a line\n', 'an opening: ', 'second'])
})
