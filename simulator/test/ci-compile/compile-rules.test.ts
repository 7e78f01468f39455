import t from 'tap'

import { branchPush, createCase, jobsOf, mergeRequest, namesOf } from './fixtures/compile-case.js'

t.test('workflow:rules decide whether there is a pipeline, and set variables', async (t) => {
  const { compile } = await createCase(t, 'workflow')

  const [main, merge, covered] = await Promise.all([
    compile(branchPush),
    compile(mergeRequest),
    compile({ ...branchPush, CI_OPEN_MERGE_REQUESTS: 'research/iris!1' }),
  ])

  t.same(namesOf(main), ['train', 'publish'])
  t.same(jobsOf(main)[1]?.variables, { DEPTH: 'deep', WHERE: 'nowhere' })
  t.same(namesOf(merge), ['train'], 'jobs without rules are part of it')
  t.same(jobsOf(merge)[0]?.variables, { DEPTH: 'shallow', WHERE: 'merge request' })
  t.match(covered, { kind: 'none', reason: 'Pipeline filtered out by workflow rules.' })
})

t.test('jobs without rules are left out of merge-request pipelines', async (t) => {
  const { compile } = await createCase(t, 'merge-request')

  const [merge, push] = await Promise.all([compile(mergeRequest), compile(branchPush)])

  t.same(namesOf(merge), ['ruled', 'asked'])
  t.same(namesOf(push), ['plain', 'release'])
})

t.test('rules:changes compare with the commit given, not with the default branch', async (t) => {
  const { git, commit, compile } = await createCase(t, 'changes')
  const first = await commit({ 'fraud/a.py': '1', 'ranker/a.py': '1' })
  await git('update-ref', 'refs/remotes/origin/main', first)
  const second = await commit({ 'fraud/deep/b.py': '2' })
  await commit({ 'ranker/data.csv': '3' })

  const [sinceFirst, sinceSecond] = await Promise.all([
    compile(mergeRequest, first),
    compile(mergeRequest, second),
  ])

  t.same(namesOf(sinceFirst), ['fraud', 'ranker', 'whole'])
  t.same(namesOf(sinceSecond), ['ranker', 'whole'], 'compare_to has its own base')
  t.same(jobsOf(sinceSecond)[0]?.variables, { MLMM_MODEL: '$DIR', DIR: 'ranker' })
})

t.test('rules see the variables of the matrix and set variables, when and allow_failure', async (t) => {
  const { compile } = await createCase(t, 'rules')

  const result = await compile(branchPush)

  const seen = jobsOf(result).map(({ name, when, allowFailure }) => [name, when, allowFailure])
  t.same(seen, [
    ['train: [tree, 1]', 'on_success', false],
    ['train: [tree, true]', 'on_success', false],
    ['train: [knn, 1]', 'on_success', true],
    ['train: [knn, true]', 'manual', false],
    ['deploy', 'manual', true],
    ['approve', 'manual', false],
    ['later', 'delayed', false],
    ['always', 'always', false],
  ])
  t.match(jobsOf(result)[2]?.variables, { MODEL: 'renamed', SIZE: 'large', SEED: '1', NAME: '$MODEL-$SIZE' })
})

t.test('needs name the compiled jobs and stages are in order', async (t) => {
  const { compile } = await createCase(t, 'needs')

  const [main, other] = await Promise.all([
    compile(branchPush),
    compile({ ...branchPush, CI_COMMIT_BRANCH: 'other' }),
  ])

  const seen = jobsOf(main).map(({ name, needs, stageIndex }) => [name, needs, stageIndex])
  t.same(seen, [
    ['first', null, 0],
    ['lint', null, 1],
    ['train: [a]', [], 2],
    ['train: [b]', [], 2],
    ['report', ['train: [a]', 'train: [b]', 'lint'], 3],
    ['last', null, 4],
  ])
  t.match(other, { kind: 'error', message: "'report' job needs 'lint' job, but 'lint' does not exist" })
})

t.test('a commit without jobs to run makes no pipeline', async (t) => {
  const repo = await createCase(t, 'broken')

  await repo.commit({ '.gitlab-ci.yml': 'tidy: {stage: .post, script: x}' })
  const edges = await repo.compile(branchPush)
  await repo.git('rm', '--quiet', '.gitlab-ci.yml')
  const missing = await repo.compile(branchPush)

  t.match(edges, { kind: 'none', reason: 'Pipeline will not run' })
  t.match(missing, { kind: 'none', reason: 'Missing CI config file' })
})
