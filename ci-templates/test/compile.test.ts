import { execFile, execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { z } from 'zod'
import { renderCiTemplate } from '../../service/render/ci-template.js'
import { loadTemplate, makeProject } from './helper.js'

const run = promisify(execFile)
const component = fileURLToPath(new URL('../templates/mlmm.yml', import.meta.url))
const example = fileURLToPath(new URL('../../examples/iris/.gitlab-ci.yml', import.meta.url))
const compiler = createRequire(import.meta.url).resolve('gitlab-ci-local/src/index.js')
const url = 'https://mlmm.example.com/tools'

const usual = `
train:
  extends: .mlmm
  variables: { MLMM_DATASET: iris }
  script:
    - python3 train.py
    - !reference [.mlmm-upload, script]
own:
  extends: .mlmm
  script: python3 train.py
  after_script:
    - echo own
    - !reference [.mlmm, after_script]
mlmm-gate: { extends: .mlmm-gate }
`

const Job = z.object({
  id_tokens: z.unknown(),
  variables: z.unknown(),
  script: z.array(z.string()),
  after_script: z.array(z.string()),
  parallel: z.unknown().optional(),
})
const Gate = z.record(z.string(), z.unknown())
const Pipeline = z.object({ train: Job, own: Job.optional(), 'mlmm-gate': Gate.optional() })

/** What GitLab makes of a pipeline, by the independent compiler of gitlab-ci-local. */
async function compile(t: Test, files: Record<string, string>) {
  const project = await makeProject(t, files)
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: project,
      stdio: 'ignore',
    })
  git('init', '-q', '-b', 'main')
  git('add', '.')
  git('commit', '-qm', 'first')
  git('remote', 'add', 'origin', 'git@git.example.com:research/iris.git')
  const { stdout } = await run(process.execPath, [compiler, '--preview', '--state-dir', '.git/gcl'], {
    cwd: project,
  })
  return Pipeline.parse(parse(stdout.slice(stdout.indexOf('---'))))
}

const source = await readFile(component, 'utf8')
const { script, after_script, gate } = await loadTemplate(url)
const idTokens = { MLMM_ID_TOKEN: { aud: url } }

t.test('as a component, the template gives jobs its token, address and upload', async (t) => {
  const include = `include: [{ local: /mlmm.yml, inputs: { url: '${url}' } }]\n`

  const { train, own } = await compile(t, { '.gitlab-ci.yml': include + usual, 'mlmm.yml': source })

  t.strictSame(train.id_tokens, idTokens)
  t.strictSame(train.variables, { MLMM_URL: url, MLMM_DATASET: 'iris' })
  t.strictSame(train.script, ['python3 train.py', ...script])
  t.strictSame(train.after_script, after_script)
  t.strictSame(own?.after_script, ['echo own', ...after_script])
  t.strictSame(own?.script, ['python3 train.py'])
})

t.test('the gate comes last, always runs and takes over nothing but the image and the tags', async (t) => {
  const include = `include: [{ local: /mlmm.yml, inputs: { url: '${url}' } }]\n`
  const defaults =
    'default: { image: "alpine:3", tags: [small], before_script: [pip install .], cache: { paths: [x] } }\n'

  const pipeline = await compile(t, { '.gitlab-ci.yml': include + defaults + usual, 'mlmm.yml': source })

  t.strictSame(pipeline['mlmm-gate'], {
    stage: '.post',
    when: 'always',
    dependencies: [],
    inherit: { default: ['image', 'tags'] },
    image: { name: 'alpine:3' },
    tags: ['small'],
    id_tokens: idTokens,
    variables: { MLMM_URL: url, MLMM_GATE: '1', GIT_STRATEGY: 'none' },
    script: gate,
  })
})

t.test('as a remote file, the template gives the Iris example the same', async (t) => {
  const service = Fastify()
  service.get('/ci/v1/mlmm.yml', (_request, reply) =>
    reply.type('text/yaml').send(renderCiTemplate(source, { url })),
  )
  const address = await service.listen({ host: '127.0.0.1', port: 0 })
  t.after(() => service.close())
  const text = (await readFile(example, 'utf8')).replace('https://mlmm.example.com', address)

  const { train } = await compile(t, { '.gitlab-ci.yml': text })

  t.ok(text.trim().split('\n').length <= 10)
  t.strictSame(train.id_tokens, idTokens)
  t.strictSame(train.script, ['python3 train.py'])
  t.strictSame(train.after_script, after_script)
  t.strictSame(train.parallel, { matrix: [{ MLMM_MODEL: ['logistic', 'knn'] }] })
})
