import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { z } from 'zod'

const run = promisify(execFile)
const example = fileURLToPath(new URL('../iris', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'mlmm-iris-'))
t.after(() => rm(folder, { recursive: true }))

const Outcome = z.object({
  models: z.tuple([
    z.object({
      name: z.string(),
      results: z.object({ accuracy: z.number(), loss: z.number(), f1_macro: z.number(), errors: z.number() }),
      curves: z.object({ loss: z.array(z.tuple([z.int(), z.number()])) }),
      dataset_digest: z.string(),
      test_size: z.int(),
      parameters: z.object({ rows: z.int(), split_seed: z.int() }).loose(),
    }).loose(),
  ]),
}) // prettier-ignore

const params = JSON.parse(await readFile(join(example, 'params.json'), 'utf8')) as Record<string, object>

async function train(model: string, settings: object = {}, env: Record<string, string> = {}) {
  const file = join(folder, 'params.json')
  const out = join(folder, 'mlmm.json')
  await writeFile(file, JSON.stringify({ ...params, [model]: { ...params[model], ...settings } }))
  const args = [join(example, 'train.py'), '--params', file, '--out', out]
  const { stdout } = await run(
    'python3',
    env['MLMM_MODEL'] === undefined ? [...args, '--model', model] : args,
    {
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...env },
    },
  )
  const text = await readFile(out, 'utf8')
  return { stdout, text, model: Outcome.parse(JSON.parse(text)).models[0] }
}

const told = [
  { model: 'logistic', settings: {}, accuracy: '0.867', loss: '0.322' },
  { model: 'logistic', settings: { epochs: 300 }, accuracy: '0.933', loss: '0.214' },
  { model: 'logistic', settings: { learning_rate: 0.5, epochs: 300 }, accuracy: '0.956', loss: '0.094' },
  { model: 'knn', settings: {}, accuracy: '0.933', loss: '0.262' },
  { model: 'knn', settings: { k: 9 }, accuracy: '0.956', loss: '0.207' },
  { model: 'knn', settings: { k: 40 }, accuracy: '0.867', loss: '0.388' },
  { model: 'knn', settings: { k: 15, weights: 'distance' }, accuracy: '0.978', loss: '0.188' },
]

for (const { model, settings, accuracy, loss } of told) {
  t.test(`${model} with ${JSON.stringify(settings)} gives what README.rst tells`, async (t) => {
    const trained = await train(model, settings)

    const { results } = trained.model
    t.strictSame([results.accuracy.toFixed(3), results.loss.toFixed(3)], [accuracy, loss])
    t.match(
      await readFile(join(example, 'README.rst'), 'utf8'),
      new RegExp(`\`\`${model}\`\`: .* ${accuracy} +${loss}`),
    )
  })
}

t.test('the same settings give the same file', async (t) => {
  const first = await train('logistic')
  const second = await train('', {}, { MLMM_MODEL: 'logistic' })

  t.equal(second.text, first.text)
  t.match(first.stdout, 'logistic on iris')
})

t.test('the outcome names the data and a falling loss curve', async (t) => {
  const { model } = await train('logistic')

  const data = await readFile(join(example, 'iris.csv'))
  t.equal(model.dataset_digest, `sha256:${createHash('sha256').update(data).digest('hex')}`)
  t.strictSame([model.parameters.rows, model.test_size], [150, 45])
  const losses = model.curves.loss.map(([, loss]) => loss)
  t.strictSame(
    losses,
    losses.toSorted((a, b) => b - a),
  )
  t.ok(losses.length > 10)
})

t.test('a model that is not there is refused by name', async (t) => {
  await t.rejects(train('', {}, { MLMM_MODEL: 'tree' }), { message: /MLMM_MODEL is 'tree'/ })
})
