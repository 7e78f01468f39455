import t from 'tap'
import { baseJobName } from '../../domain/expected-jobs.js'
import { readExpectedJobs } from '../../ingest/ci-config.js'

const audience = 'https://mlmm.example.com'

const mergedYaml = `
stages: [build, train, .post]
variables: {A: b}
default:
  image: python
.mlmm:
  id_tokens: {MLMM_ID_TOKEN: {aud: ${audience}}}
train:
  id_tokens:
    MLMM_ID_TOKEN: {aud: ${audience}}
  parallel: {matrix: [{MLMM_MODEL: [a, b]}]}
  script: [python train.py]
fraud:
  id_tokens: {TOKEN: {aud: [${audience}]}}
  rules: [{changes: [fraud/**/*]}]
  script: [make]
by-hand:
  id_tokens: {TOKEN: {aud: ${audience}}}
  when: manual
  script: [make]
mlmm-gate:
  stage: .post
  variables: {MLMM_GATE: "1"}
  id_tokens: {TOKEN: {aud: ${audience}}}
  script: [wait]
deploy:
  id_tokens: {VAULT: {aud: https://vault.example.com}}
  script: [deploy]
lint:
  script: [lint]
`

t.test('the jobs that hold our ID token are to report, but the gate and what starts by hand', async (t) => {
  t.strictSame(readExpectedJobs(mergedYaml, audience), {
    names: ['train', 'fraud'],
    gates: ['mlmm-gate'],
    startsPipelines: false,
  })
})

t.test('a job that starts a pipeline may bring more', async (t) => {
  const yaml = `${mergedYaml}child:\n  trigger: {include: child.yml}\n`

  t.equal(readExpectedJobs(yaml, audience)?.startsPipelines, true)
})

t.test("keys may be written as Ruby's symbols", async (t) => {
  const yaml = `---\n:train:\n  :script: [a]\n  :id_tokens:\n    :MLMM_ID_TOKEN:\n      :aud: ${audience}\n`

  t.strictSame(readExpectedJobs(yaml, audience)?.names, ['train'])
})

t.test('what is no configuration tells nothing', async (t) => {
  const deep = `a: ${'['.repeat(100_000)}`
  for (const text of ['', '- a', 'a: [', 'text', '&a [*a]', deep, 'a: &a {b: *a}'])
    t.equal(readExpectedJobs(text, audience), null, text.slice(0, 20))
})

t.test('odd jobs are passed over', async (t) => {
  const yaml = 'a: 1\nb: {id_tokens: 3}\nc: {id_tokens: {T: {}}}\nd: {id_tokens: {T: {aud: [1]}}}\n'

  t.match(readExpectedJobs(yaml, audience), { names: [], gates: [] })
})

t.test('parallel adds to the names of jobs', async (t) => {
  t.equal(baseJobName('train: [tree, iris]'), 'train')
  t.equal(baseJobName('train 1/3'), 'train')
  t.equal(baseJobName('train: all'), 'train: all')
  t.equal(baseJobName('a: [b]: [c, d]'), 'a')
})

t.test('a configuration of more than 64 kB tells nothing', async (t) => {
  const lines = `${mergedYaml}#${'x'.repeat(64 * 1024 - Buffer.byteLength(mergedYaml) - 2)}\n`

  t.match(readExpectedJobs(lines, audience), { names: ['train', 'fraud'] })
  t.equal(readExpectedJobs(`${lines}\n`, audience), null)
})

function withAliases(count: number): string {
  return `${mergedYaml}.a: [&a x, ${'*a, '.repeat(count)}]\n`
}

t.test('many aliases are not followed', async (t) => {
  const hostile = 'a: &b [*b]\n'.repeat(5_900)
  const startedAt = performance.now()

  t.match(readExpectedJobs(withAliases(100), audience), { names: ['train', 'fraud'] })
  t.equal(readExpectedJobs(withAliases(101), audience), null)
  t.equal(readExpectedJobs(hostile, audience), null)
  t.ok(performance.now() - startedAt < 4_000, 'the worst text is given up at once')
})
