import type * as BaselineModule from '../service/domain/baseline.js'
import type * as CompareModule from '../service/domain/compare.js'
import type { Model } from '../service/domain/model.js'
import type * as NoteModule from '../service/render/note.js'
import { build } from './parts/build.js'
import { against, median, print } from './parts/figures.js'

const warmUps = 30
const repeats = 60

interface Modules {
  chooseBaselines: typeof BaselineModule.chooseBaselines
  compare: typeof CompareModule.compare
  renderNote: typeof NoteModule.renderNote
}

/** From the models of two commits to the note's text: no database and no network. */
export async function benchNote(): Promise<void> {
  const built = await build()
  try {
    const modules: Modules = {
      ...(await import(built.module('service/domain/baseline'))),
      ...(await import(built.module('service/domain/compare'))),
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

function measure({ chooseBaselines, compare, renderNote }: Modules, count: number) {
  const candidates = models(count, 'b', 0.9)
  const pools = [
    { reason: 'merge_base', commit: 'a', commitsBehind: 3, models: models(count, 'a', 0.89) },
  ] as const
  const note = () => {
    const baselines = chooseBaselines({ candidates, pools: [...pools] })
    const comparison = compare({ candidates, baselines, endedJobs: new Set(['train']) })
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
      },
      comparison,
      previous: null,
      links: {
        model: (model) => `https://mlmm.example/research/iris/-/models/${model.name}`,
        comparison: 'https://mlmm.example/research/iris/-/merge_requests/1',
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
