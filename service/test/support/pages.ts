import type { TestProject, TestService } from './service.js'
import { noteSaying, openMergeRequest, train, trainMergeRequest } from './story.js'

/** Projects that show what pages have to cope with. */
export interface Seeded {
  usual: TestProject
  mrIid: number
  hostile: TestProject
  hostileNames: string[]
  empty: TestProject
}

/** Names that try to leave their place on a page. */
const hostileNames = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '..',
  '.',
  '~',
  '-',
  'a/b c%2Fd?e#f',
  '\u202egnitrats \u2066evil\u2069',
  'line one\nline two\r\n\u2028three',
  '🧪🇩🇪👩‍🔬 lab',
  'שלום עולם',
  'W'.repeat(200),
  `${'deeply/nested/'.repeat(14)}x`,
  ' ',
  '{{title}} {{{crumbs}}}',
  '__proto__',
]

export async function seedPages(service: TestService): Promise<Seeded> {
  const usual = await service.createProject('research/iris')
  const mrIid = await seedUsual(service, usual)
  const hostile = await service.createProject('research/hostile.names')
  await train(service, hostile, hostileNames.map(hostileModel), {})
  const empty = await service.createProject('research/empty')
  await connectWithoutModels(service, empty)
  return { usual, mrIid, hostile, hostileNames, empty }
}

async function seedUsual(service: TestService, project: TestProject): Promise<number> {
  await train(service, project, baseModels(0.933, 0.888))
  for (const seed of [1, 2, 3]) {
    await train(service, project, [{ ...tree('iris', 0.95 + seed / 200, 0.1), repeat: String(seed) }])
  }
  const mr = await openMergeRequest(service, project, 'tune-lr')
  await trainMergeRequest(service, project, mr.iid, [
    { ...logistic(0.913, 0.241, 0.05) },
    { ...tree('wine', 0.899, 0.31) },
    { ...tree('iris', 0.967, 0.11) },
    { name: 'forest', dataset: 'wine', results: { accuracy: 0.91, gini: 0.4 } },
  ])
  await noteSaying(service, project, mr.iid, /worse/)
  return mr.iid
}

function baseModels(logisticAccuracy: number, treeAccuracy: number): object[] {
  return [logistic(logisticAccuracy, 0.21, 0.1), tree('wine', treeAccuracy, 0.302)]
}

function logistic(accuracy: number, loss: number, lr: number): object {
  return {
    name: 'logistic',
    dataset: 'iris',
    results: { accuracy, loss, 'setosa.precision': 1, predict_ms: 0.0312, gini: 0.412, epochs: 400 },
    hyperparameters: {
      lr,
      l2: 1e-4,
      optimizer: 'adam',
      layers: [64, 64],
      schedule: { kind: 'cosine', warmup: { steps: 100, from: 0, to: 0.1 }, restarts: [100, 200, 400] },
    },
    parameters: {
      rows: 150,
      columns: ['sepal_length', 'sepal_width', 'petal_length', 'petal_width'],
      git: 'clean',
    },
    curves: {
      loss: Array.from({ length: 400 }, (_, step) => [step, 0.2 + 0.9 * Math.exp(-step / 60)]),
      lr: Array.from({ length: 400 }, (_, step) => [step, lr * Math.abs(Math.cos(step / 50))]),
      grad_norm: Array.from({ length: 5000 }, (_, step) => [
        step,
        step > 1500 && step < 1900 ? 'NaN' : 2 + Math.sin(step / 3) + 200 / (step + 40),
      ]),
      diverged: [
        [0, 'NaN'],
        [1, 'NaN'],
      ],
    },
    dataset_digest: 'sha256:3d0c1a2b4f5e6d7c8b9a0f1e2d3c4b5a69788796a5b4c3d2e1f0a9b8c7d6e5f4',
    test_size: 30,
    artifacts: [
      { path: 'models/logistic.pkl', size: 12345, sha256: 'ab'.repeat(32) },
      { path: 'plots/confusion.png' },
    ],
  }
}

function tree(dataset: string, accuracy: number, loss: number): object {
  return {
    name: 'tree',
    dataset,
    results: { accuracy, loss },
    hyperparameters: { max_depth: 3 },
  }
}

function hostileModel(name: string): object {
  return {
    name,
    dataset: name,
    repeat: name,
    results: { [name]: 0.5, accuracy: 'NaN', loss: 'Infinity' },
    hyperparameters: { [name]: name, nested: { [name]: [name, name] } },
    parameters: { text: `${name}\n`.repeat(30) },
    curves: { [name]: [[0, 1]] },
    dataset_digest: name,
    artifacts: [{ path: name }],
  }
}

/** A job that failed before it wrote anything. */
async function connectWithoutModels(service: TestService, project: TestProject): Promise<void> {
  const { simulator } = service
  const base = { projectId: project.id, sha: project.head, ref: 'main' }
  const pipeline = simulator.createPipeline({ ...base, source: 'push', jobs: [{ name: 'train' }] })
  const jobId = pipeline.jobs[0]?.id ?? 0
  simulator.setJobStatus(jobId, 'running')
  const answer = await service.report(jobId, { job: { name: 'train', status: 'failed' }, models: [] })
  if (answer.status !== 202) throw new Error(answer.text)
}
