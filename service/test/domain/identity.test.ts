import t from 'tap'
import { formatReportId, modelId, modelOrigin, parseReportId } from '../../domain/identity.js'
import { decodeSegment, createAddresses, encodeSegment } from '../../domain/addresses.js'
import { matchesPath } from '../../domain/path-pattern.js'
import { hasEnded, pipelineTarget } from '../../domain/target.js'

const identity = {
  projectId: 'p1',
  origin: 'branch:main',
  commit: 'c',
  pipelineId: 1,
  dataset: 'd',
  name: 'n',
  repeat: null,
  trial: null,
}

t.test('the same identity has the same id, any other another one', async (t) => {
  const others = [
    { projectId: 'p2' },
    { origin: 'mr:7' },
    { commit: 'd' },
    { pipelineId: 2 },
    { pipelineId: null },
    { dataset: 'dn', name: '' },
    { name: '"n' },
    { repeat: '' },
    { repeat: 'null' },
    { trial: '1' },
  ]
  const ids = [identity, ...others.map((other) => ({ ...identity, ...other }))].map(modelId)

  t.equal(modelId({ ...identity }), ids[0])
  t.equal(new Set(ids).size, ids.length)
  for (const id of ids) t.match(id, /^[\w-]{24}$/)
})

const claims = {
  pipelineId: 9,
  pipelineSource: 'push',
  ref: 'main',
  refType: 'branch' as const,
  forkProjectId: null,
}
const origins: [object, string][] = [
  [{}, 'branch:main'],
  [{ refType: 'tag', ref: 'v1' }, 'tag:v1'],
  [{ pipelineSource: 'web' }, 'branch:main'],
  [{ pipelineSource: 'merge_request_event' }, 'mr:9'],
  [{ pipelineSource: 'schedule' }, 'schedule:9'],
  [{ forkProjectId: 5 }, 'fork:5:9'],
  [{ forkProjectId: 5, pipelineSource: 'merge_request_event' }, 'fork:5:9'],
]
for (const [change, origin] of origins) {
  t.test(`${JSON.stringify(change)} comes from ${origin}`, async (t) => {
    t.equal(modelOrigin({ ...claims, ...change }), origin)
  })
}

t.test('a report id is read back, anything else is not', async (t) => {
  const id = { projectId: 'p0123456789abcdef', commit: 'a'.repeat(40), pipelineId: 12, jobId: 34 }

  t.same(parseReportId(formatReportId(id)), id)
  for (const text of [
    '',
    'x',
    `p1.${'a'.repeat(39)}.1.1`,
    `p1.${'a'.repeat(40)}.1.1.1`,
    `p$.${'a'.repeat(40)}.1.1`,
  ]) {
    t.equal(parseReportId(text), null)
  }
})

t.test('any name survives the way through an address', async (t) => {
  const names = [
    'tree',
    'a/b',
    '.',
    '..',
    '~',
    '~.',
    '%2F',
    'a b',
    "it's",
    'ü🎉',
    '?x#y',
    '<b>',
    '\n/merge',
    '-',
    '*',
  ]

  for (const name of names) {
    const url = new URL(`https://mlmm.example.com/x/${encodeSegment(name)}/y`)
    const [, , segment = ''] = url.pathname.split('/')
    t.equal(decodeSegment(decodeURIComponent(segment)), name)
    t.match(segment, /^[\w.~%-]+$/)
  }
})

t.test('addresses follow GitLab paths', async (t) => {
  const to = createAddresses('https://mlmm.example.com/sub')
  const model = { name: 'a/b', dataset: 'iris', commit: '4f2a91c0ffee4f2a91c0', repeat: '3', trial: null }

  t.equal(to.project('research/iris'), 'https://mlmm.example.com/sub/research/iris')
  t.equal(
    to.model('research/iris', model),
    'https://mlmm.example.com/sub/research/iris/-/models/a%2Fb/iris/4f2a91c0ffee?repeat=3',
  )
  t.equal(
    to.mergeRequest('research/iris', 12),
    'https://mlmm.example.com/sub/research/iris/-/merge_requests/12',
  )
})

const paths: [path: string, pattern: string, fits: boolean][] = [
  ['research/iris', 'research/*', true],
  ['research/deep/iris', 'research/*', false],
  ['research/deep/iris', 'research/**', true],
  ['research', 'research/**', false],
  ['xresearch/iris', 'research/*', false],
  ['research/iris/x', 'research/iris', false],
  ['Research/Iris', 'research/iris', true],
  ['a/b/c/d', '**/d', true],
  ['research/iris-2', 'research/iris*', true],
  ['research/irisX', 'research/iri.', false],
]
for (const [path, pattern, fits] of paths) {
  t.test(`${path} ${fits ? 'fits' : 'does not fit'} ${pattern}`, async (t) => {
    t.equal(matchesPath(path, [pattern]), fits)
  })
}

t.test('a pipeline is for what its ref says', async (t) => {
  t.same(pipelineTarget({ ref: 'refs/merge-requests/7/head', tag: false }), {
    kind: 'merge_request',
    mrIid: 7,
    mergedResults: false,
  })
  t.same(pipelineTarget({ ref: 'refs/merge-requests/7/merge', tag: false }), {
    kind: 'merge_request',
    mrIid: 7,
    mergedResults: true,
  })
  t.same(pipelineTarget({ ref: 'refs/merge-requests/7/train', tag: false }), { kind: 'none' })
  t.same(pipelineTarget({ ref: 'v1', tag: true }), { kind: 'none' })
  t.same(pipelineTarget({ ref: 'main', tag: false }), { kind: 'branch', branch: 'main' })
  t.ok(hasEnded('manual'))
  t.notOk(hasEnded('canceling'))
})
