import t from 'tap'
import {
  type BaselinePool,
  chooseBaselines,
  choosePerIdentity,
  isCarriable,
  isTrustworthy,
} from '../../domain/baseline.js'
import type { Model } from '../../domain/model.js'
import { mainModel, model } from './models.js'

const onMain = mainModel().pipeline
const trust = { target: { name: 'main', former: [] }, jobSucceeded: true }

function tryOf(pipeline: number, job: number): Model {
  return mainModel({ pipeline: { ...onMain, id: pipeline }, job: { id: job } })
}

function modelsOf(commit: string, ...names: string[]): Model[] {
  return names.map((name) => mainModel({ name, commit }))
}

function trainedBy(name: string, job: string, commit: string): Model {
  return mainModel({ name, commit, job: { name: job } })
}

function ancestor(commit: string, models: Model[]): BaselinePool {
  return { reason: 'ancestor', commit, commitsBehind: null, carriedFrom: null, models }
}

t.test('a succeeded job of the target branch itself is trustworthy, also of a schedule', async (t) => {
  t.ok(isTrustworthy(mainModel(), trust))
  t.ok(
    isTrustworthy(mainModel({ origin: 'schedule:700', pipeline: { ...onMain, source: 'schedule' } }), trust),
  )
  t.ok(isTrustworthy(mainModel({ pipeline: { ...onMain, source: 'web', refProtected: false } }), trust))
})

t.test('nothing else is', async (t) => {
  const others = {
    'a merge-request pipeline': model(),
    'a merge-request pipeline whose ref is called main': model({
      pipeline: { ...model().pipeline, ref: 'main' },
    }),
    'a merge-request pipeline that claims the branch': mainModel({
      pipeline: { ...onMain, source: 'merge_request_event' },
    }),
    'another branch': mainModel({ origin: 'branch:dev', pipeline: { ...onMain, ref: 'dev' } }),
    'another branch in the origin only': mainModel({ origin: 'branch:dev' }),
    'a branch whose name goes on': mainModel({
      origin: 'branch:main2',
      pipeline: { ...onMain, ref: 'main2' },
    }),
    'a tag called main': mainModel({ origin: 'tag:main', pipeline: { ...onMain, refType: 'tag' } }),
    'a tag with the origin of a branch': mainModel({ pipeline: { ...onMain, refType: 'tag' } }),
    'a fork': mainModel({ origin: 'fork:9:700' }),
    'an API token': mainModel({ origin: 'token:7' }),
    'a schedule of another branch': mainModel({
      origin: 'schedule:700',
      pipeline: { ...onMain, ref: 'dev' },
    }),
  }
  for (const [what, one] of Object.entries(others)) t.notOk(isTrustworthy(one, trust), what)
  t.notOk(isTrustworthy(mainModel(), { ...trust, jobSucceeded: false }), 'a failed job')
})

t.test(
  'what a branch trained under a former name counts, and not what another has that name since',
  async (t) => {
    const { uploadedAt } = mainModel()
    const renamedAfter = (ms: number) => ({
      name: 'trunk',
      former: [{ name: 'main', until: new Date(uploadedAt.getTime() + ms) }],
    })

    t.ok(isTrustworthy(mainModel(), { ...trust, target: renamedAfter(1) }))
    t.notOk(isTrustworthy(mainModel(), { ...trust, target: renamedAfter(0) }))
  },
)

t.test('of the same model the newest pipeline wins, then the highest job, in any order', async (t) => {
  const [old, oldRetry, newer, newest] = [tryOf(1, 50), tryOf(1, 60), tryOf(2, 5), tryOf(2, 7)]

  t.same(choosePerIdentity([old, oldRetry]), [oldRetry])
  t.same(choosePerIdentity([newest, old, newer, oldRetry]), [newest])
  t.same(choosePerIdentity([old, oldRetry, newer, newest]), [newest])
})

t.test('datasets, names, repeats and trials are identities of their own, whatever is in them', async (t) => {
  const models = [
    mainModel({ name: 'a', dataset: 'b' }),
    mainModel({ name: 'b', dataset: 'a' }),
    mainModel({ name: 'a","b', dataset: '' }),
    mainModel({ name: 'b', dataset: '","a' }),
    mainModel({ repeat: '1' }),
    mainModel({ trial: '1' }),
    mainModel(),
  ]

  t.equal(choosePerIdentity(models).length, models.length)
})

t.test('each model has the first pool that knows it', async (t) => {
  const pools: BaselinePool[] = [
    {
      reason: 'merged_results_target',
      commit: 'c1',
      commitsBehind: null,
      carriedFrom: null,
      models: modelsOf('c1', 'a'),
    },
    {
      reason: 'merge_base',
      commit: 'c2',
      commitsBehind: 1,
      carriedFrom: null,
      models: modelsOf('c2', 'a', 'b'),
    },
    {
      reason: 'ancestor',
      commit: 'c3',
      commitsBehind: 2,
      carriedFrom: null,
      models: modelsOf('c3', 'a', 'b', 'c'),
    },
    {
      reason: 'newest',
      commit: 'c4',
      commitsBehind: null,
      carriedFrom: null,
      models: modelsOf('c4', 'a', 'd', 'new there'),
    },
  ]
  const candidates = ['a', 'b', 'c', 'd', 'e'].map((name) => model({ name }))

  const chosen = chooseBaselines({ candidates, pools })

  t.strictSame(
    chosen.map(({ name, reason, commit, commitsBehind }) => [name, reason, commit, commitsBehind]),
    [
      ['a', 'merged_results_target', 'c1', null],
      ['b', 'merge_base', 'c2', 1],
      ['c', 'ancestor', 'c3', 2],
      ['d', 'newest', 'c4', null],
    ],
  )
})

t.test('the same name on another dataset is another model', async (t) => {
  const pools: BaselinePool[] = [
    {
      reason: 'merge_base',
      commit: 'c',
      commitsBehind: 1,
      carriedFrom: null,
      models: [mainModel({ dataset: 'wine' })],
    },
  ]

  const [chosen] = chooseBaselines({ candidates: [model({ dataset: 'iris' })], pools })

  t.equal(chosen?.dataset, 'wine')
})

t.test('a baseline has all repeats of its commit, by label, and no trials', async (t) => {
  const models = [
    mainModel({ repeat: '2', results: { accuracy: 0.2 } }),
    mainModel({ repeat: '1', results: { accuracy: 0.1 } }),
    mainModel({ repeat: null, trial: '17', results: { accuracy: 0.99 } }),
  ]
  const pools: BaselinePool[] = [
    { reason: 'merge_base', commit: 'c', commitsBehind: 0, carriedFrom: null, models },
  ]

  const [chosen] = chooseBaselines({ candidates: [model()], pools })

  t.strictSame(
    chosen?.models.map(({ repeat }) => repeat),
    ['1', '2'],
  )
  t.same(
    chooseBaselines({ candidates: [], pools: [{ ...(pools[0] as BaselinePool), models: models.slice(2) }] }),
    [],
  )
})

t.test('what the newest commit alone knows is not missing here', async (t) => {
  const models = [mainModel({ name: 'added on main' })]

  t.same(
    chooseBaselines({
      candidates: [],
      pools: [{ reason: 'newest', commit: 'c', commitsBehind: 0, carriedFrom: null, models }],
    }),
    [],
  )
})

t.test(
  'what the target branch has dropped is not missing here, what another job trains may be',
  async (t) => {
    const pools = [
      ancestor('c1', [trainedBy('kept', 'train', 'c1')]),
      ancestor('c2', [
        trainedBy('dropped', 'train', 'c2'),
        trainedBy('other', 'train-other', 'c2'),
        trainedBy('back', 'train', 'c2'),
      ]),
    ]

    const chosen = chooseBaselines({ candidates: [model({ name: 'kept' }), model({ name: 'back' })], pools })

    t.same(
      chosen.map(({ name }) => name),
      ['kept', 'other', 'back'],
    )
  },
)

t.test('of a merged head what its own pipelines trained is carried over, nothing else', async (t) => {
  const trust = { sourceBranch: 'feature', jobSucceeded: true }
  const ofBranch = model({ origin: 'branch:feature', pipeline: { ...model().pipeline, source: 'push' } })

  t.ok(isCarriable(model(), trust))
  t.ok(isCarriable(ofBranch, trust))
  t.notOk(isCarriable(model(), { ...trust, jobSucceeded: false }), 'a failed job')
  t.notOk(isCarriable(model({ origin: 'fork:9:812' }), trust), 'a fork')
  t.notOk(isCarriable(model({ origin: 'token:7' }), trust), 'an API token')
  t.notOk(isCarriable({ ...ofBranch, origin: 'token:7' }, trust), 'an API token that names the branch')
  t.notOk(isCarriable(ofBranch, { ...trust, sourceBranch: 'other' }), 'another branch')
  t.notOk(isCarriable(model({ pipeline: { ...model().pipeline, refType: 'tag' } }), trust), 'a tag')
})
