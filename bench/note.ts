import type * as BaselineModule from '../service/domain/baseline.js'
import type * as CompareModule from '../service/domain/compare.js'
import type * as JudgeModule from '../service/domain/judge.js'
import type * as RuleBookModule from '../service/domain/rule-book.js'
import type * as RulesFileModule from '../service/ingest/rules-file.js'
import type { Model } from '../service/domain/model.js'
import type * as NoteModule from '../service/render/note.js'
import { build } from './parts/build.js'
import { against, median, print } from './parts/figures.js'

const warmUps = 30
const repeats = 60

interface Modules {
  chooseBaselines: typeof BaselineModule.chooseBaselines
  compare: typeof CompareModule.compare
  judge: typeof JudgeModule.judge
  createRuleBook: typeof RuleBookModule.createRuleBook
  readRules: typeof RulesFileModule.readRules
  renderNote: typeof NoteModule.renderNote
}

const rulesFile = `
results:
  accuracy_0: {better: higher, format: percent, tolerance: 0.2pp, fail: {worse_by: 2pp, below: 80%}}
  "accuracy_*": {better: higher, format: percent, tolerance: 0.1pp, warn: {worse_by: 1pp}}
overrides:
  - {models: model-4*, datasets: set-3, gate: off}
note: {columns: [accuracy_0, accuracy_1]}
`

/** From the models of two commits and a rules file to the note's text: no database and no network. */
export async function benchNote(): Promise<void> {
  const built = await build()
  try {
    const modules: Modules = {
      ...(await import(built.module('service/domain/baseline'))),
      ...(await import(built.module('service/domain/compare'))),
      ...(await import(built.module('service/domain/judge'))),
      ...(await import(built.module('service/domain/rule-book'))),
      ...(await import(built.module('service/ingest/rules-file'))),
      ...(await import(built.module('service/render/note'))),
    }
    const few = measure(modules, 50)
    const many = measure(modules, 500)
    print(
      `${many.ms.toFixed(2)} ms for 500 models compared and rendered (${against(many.ms, { atMost: 10 })}); ${few.ms.toFixed(2)} ms for 50`,
      `floor, JSON.stringify of the same models: ${many.floorMs.toFixed(2)} ms; ratio ${(many.ms / many.floorMs).toFixed(2)}`,
      `  the first time: ${few.firstMs.toFixed(1)} ms for 50; the note of 500 has ${many.noteBytes} bytes`,
    )
  } finally {
    await built.remove()
  }
}

function measure(modules: Modules, count: number) {
  const { chooseBaselines, compare, judge, createRuleBook, readRules, renderNote } = modules
  const candidates = models(count, 'b', 0.9)
  const pools = [
    {
      reason: 'merge_base',
      commit: 'a',
      commitsBehind: 3,
      carriedFrom: null,
      models: models(count, 'a', 0.89),
    },
  ] as const
  const { rules: read } = readRules(rulesFile)
  if (read === null) throw new Error('the rules of the benchmark cannot be read')
  const rules = createRuleBook(read)
  const note = () => {
    const baselines = chooseBaselines({ candidates, pools: [...pools] })
    const comparison = compare({ candidates, baselines, endedJobs: new Set(['train']), rules })
    const verdict = judge({ comparison, rules, acceptances: [], isFinal: true })
    return renderNote({
      projectUrl: 'https://gitlab.example/research/iris',
      targetBranch: 'main',
      headSha: 'b'.repeat(40),
      pipeline: {
        id: 7,
        url: 'https://gitlab.example/research/iris/-/pipelines/7',
        state: 'finished',
        jobsReported: count,
        jobsTotal: count,
        failedJobs: [],
        silentJobs: [],
      },
      isFork: false,
      comparison,
      rules: { state: 'read', path: '.mlmm.yml', commit: 'c'.repeat(40), problems: [] },
      verdict,
      editedRules: null,
      exclusions: [],
      groupBy: null,
      drawsCharts: false,
      previous: null,
      links: {
        model: (model) => `https://mlmm.example/research/iris/-/models/${model.name}`,
        comparison: 'https://mlmm.example/research/iris/-/merge_requests/1',
        accept: 'https://mlmm.example/research/iris/-/merge_requests/1#accept',
        rules: 'https://mlmm.example/research/iris/-/merge_requests/1#rules',
      },
    })
  }
  const firstMs = timeOf(note)
  for (let round = 0; round < warmUps; round += 1) note()
  const floor = () => JSON.stringify([candidates, pools])
  const times: number[] = []
  const floors: number[] = []
  for (let round = 0; round < repeats; round += 1) {
    times.push(timeOf(note))
    floors.push(timeOf(floor))
  }
  return { ms: median(times), floorMs: median(floors), firstMs, noteBytes: Buffer.byteLength(note()) }
}

function timeOf(work: () => unknown): number {
  const startedAt = performance.now()
  work()
  return performance.now() - startedAt
}

/** Of 10 parameters, 10 hyperparameters and 10 results; a few of each differ between two commits. */
function models(count: number, commit: string, level: number): Model[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${commit}${index}`,
    projectId: 'p1',
    origin: commit === 'a' ? 'branch:main' : 'mr:7',
    commit: commit.repeat(40),
    sourceCommit: null,
    pipeline: { id: 7, source: 'push', ref: 'main', refType: 'branch', refProtected: true },
    job: { id: index, name: 'train', status: 'success', url: null },
    userId: 1,
    dataset: `set-${index % 7}`,
    name: `model-${index}`,
    repeat: null,
    trial: null,
    chosen: false,
    version: null,
    parameters: named('parameter', (at) => (at === 0 ? commit : `value ${at}`)),
    hyperparameters: named('hyper', (at) => (at === 1 ? level : at / 10)),
    results: named('accuracy', (at) => level + ((index * 7 + at * 3) % 13) / 1000),
    curves: [],
    datasetDigest: null,
    testSize: null,
    artifacts: [],
    uploadedAt: new Date('2026-11-23T12:00:00Z'),
  }))
}

function named<T>(name: string, value: (at: number) => T): { k: string; v: T }[] {
  return Array.from({ length: 10 }, (_, at) => ({ k: `${name}_${at}`, v: value(at) }))
}
