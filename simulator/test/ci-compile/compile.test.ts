import { readdir } from 'node:fs/promises'
import t from 'tap'

import {
  branchPush,
  createCase,
  jobsOf,
  namesOf,
  serveTemplate,
  type CaseRepo,
} from './fixtures/compile-case.js'

t.test('a matrix job extends the template of a remote include', async (t) => {
  const repo = await createCase(t, 'extends-remote-matrix')
  const templateUrl = await serveTemplate(t)

  const result = await repo.compile({ ...branchPush, TEMPLATE_URL: templateUrl })

  const names = [
    'train: [logistic, iris]',
    'train: [logistic, wine]',
    'train: [tree, iris]',
    'train: [tree, wine]',
    'train: [knn]',
  ]
  t.same(namesOf(result), [...names, 'report 1/2', 'report 2/2'])
  const [train] = jobsOf(result)
  t.same(train, {
    name: 'train: [logistic, iris]',
    stage: 'test',
    when: 'on_success',
    allowFailure: false,
    needs: null,
    script: ['python train.py --model $MLMM_MODEL --data $MLMM_DATASET'],
    beforeScript: [],
    afterScript: ['echo upload', 'echo done'],
    variables: {
      MLMM_URL: 'http://127.0.0.1:9',
      MLMM_DATASET: 'iris',
      MLMM_MODEL: 'logistic',
      CI_NODE_INDEX: '1',
      CI_NODE_TOTAL: '5',
    },
    idTokens: { MLMM_ID_TOKEN: { aud: ['http://127.0.0.1:9'] } },
    artifacts: { paths: ['out/'], when: 'on_success' },
    timeoutSeconds: 3600,
    stageIndex: 2,
    trigger: null,
  })
  const report = jobsOf(result).at(-1)
  t.same(report?.needs, names)
  t.same(report?.script, ['cat out/*', 'echo upload'])
  t.equal(report?.stageIndex, 3)
  t.match(report?.variables, { CI_NODE_INDEX: '2', CI_NODE_TOTAL: '2' })
})

t.test('extends are merged deeply and references are resolved', async (t) => {
  const { compile } = await createCase(t, 'references')

  const result = await compile(branchPush)

  t.match(jobsOf(result), [
    {
      name: 'train',
      variables: { A: 'base', B: 'quiet', C: 'own' },
      beforeScript: [],
      script: ['echo one', 'echo two', 'echo three', 'echo "several\nlines"\n', 'echo deeper'],
      afterScript: ['echo middle'],
    },
  ])
})

t.test('a component is included with its inputs', async (t) => {
  const { compile } = await createCase(t, 'component')

  const result = await compile(branchPush)

  t.same(namesOf(result), ['train: [logistic]', 'train: [tree]', 'included'])
  t.match(jobsOf(result)[0], { stage: 'build', script: ['python train.py --rounds 3 $MODEL'] })
})

t.test('jobs take what default and global variables hold, unless they say otherwise', async (t) => {
  const { compile } = await createCase(t, 'defaults')

  const [inherits, replaces, none, some] = jobsOf(await compile(branchPush))

  t.match(inherits, {
    beforeScript: ['echo default'],
    afterScript: ['echo after'],
    timeoutSeconds: 9_000,
    artifacts: { paths: ['out'], when: 'always' },
    idTokens: { DEFAULT_TOKEN: { aud: ['https://mlmm.example.com/research/iris'] } },
    variables: { URL: '$URL/own', HOST: 'mlmm.example.com', COUNT: '3', YES: 'true' },
  })
  t.match(replaces, {
    beforeScript: [],
    afterScript: ['echo after'],
    timeoutSeconds: 600,
    artifacts: { paths: ['own'], when: 'on_success' },
  })
  t.same(replaces?.idTokens, {
    OWN_TOKEN: { aud: ['https://mlmm.example.com', 'https://mlmm.example.com:8443', ''] },
  })
  t.match(none, { beforeScript: [], afterScript: [], idTokens: {}, variables: {}, timeoutSeconds: 3_600 })
  t.same(none?.artifacts, { paths: [], when: 'on_success' })
  t.match(some, { beforeScript: [], idTokens: {}, timeoutSeconds: 9_000 })
  t.same(some?.variables, { COUNT: '3' })
})

t.test('what GitLab refuses is an error with a reason', async (t) => {
  const cases: [string, RegExp][] = [
    ['train: {script: x, colour: red}', /colour/],
    [
      'include: {remote: "http://127.0.0.1:1/x.yml"}\ntrain: {script: x}',
      /Remote include could not be fetched/,
    ],
    ['train: {extends: .absent, script: x}', /^\.absent is unspecified/],
    ['train: [', /unexpected end/],
    ['train: {script: x, rules: [{if: $A = $B}]}', /^Error attempting to evaluate the following rules/],
    ['train: {script: x, timeout: soon}', /^jobs:train:timeout should be a duration: soon$/],
  ]
  const repos: CaseRepo[] = []
  for (const [yaml] of cases) {
    const repo = await createCase(t, 'broken')
    await repo.commit({ '.gitlab-ci.yml': yaml })
    repos.push(repo)
  }

  const results = await Promise.all(repos.map((repo) => repo.compile(branchPush)))

  for (const [at, [yaml, message]] of cases.entries()) {
    t.match(results[at], { kind: 'error', message }, yaml)
  }
})

t.test('compiling leaves the clone alone and takes nothing from our environment', async (t) => {
  const { compile, dir, git } = await createCase(t, 'broken')
  process.env.GCL_FILE = 'other.yml'
  t.teardown(() => delete process.env.GCL_FILE)
  const before = await readdir(`${dir}/.git`)

  const results = await Promise.all([compile(branchPush), compile(branchPush)])

  t.same(results.map(namesOf), [['train'], ['train']])
  t.equal(await git('status', '--porcelain', '--ignored'), '')
  t.same(await readdir(`${dir}/.git`), before)
})
