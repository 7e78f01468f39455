import t from 'tap'
import { createAddresses } from '../../domain/addresses.js'
import { createGitLabAddresses } from '../../domain/gitlab-addresses.js'
import { parsePageAddress } from '../../domain/page-address.js'

const addresses = createAddresses('')

function training(text: string) {
  const address = parsePageAddress(`/g/p/-/models/m/d/${text}`)
  return address?.page === 'model' ? address.training : null
}

t.test('every page is read back from its address', async (t) => {
  const names = [
    ['tree', 'iris'],
    ['a/b c%2Fd?e#f', '..'],
    ['-', '.'],
    ['~', '~x'],
    ['@main', 'models'],
    ['🧪 שלום\u202e', 'line\nbreak'],
    ['%', '%zz'],
  ] as const
  for (const [name, dataset] of names) {
    const model = { name, dataset, commit: '4f2a91c0ffee0000', repeat: null, trial: null }

    const history = parsePageAddress(addresses.history('g/sub/p', model))
    const one = parsePageAddress(addresses.model('g/sub/p', model))

    t.same(history, { page: 'history', path: 'g/sub/p', name, dataset })
    const training = { kind: 'commit', prefix: '4f2a91c0ffee' }
    t.same(one, { page: 'model', path: 'g/sub/p', name, dataset, training })
  }
  t.same(parsePageAddress(addresses.projects()), { page: 'projects' })
  t.same(parsePageAddress(addresses.project('g/p')), { page: 'project', path: 'g/p' })
  t.same(parsePageAddress(addresses.models('g/p')), { page: 'project', path: 'g/p' })
  t.same(parsePageAddress(addresses.mergeRequest('g/p', 12)), {
    page: 'merge-request',
    path: 'g/p',
    mrIid: 12,
  })
})

t.test('a training is named by digits of its commit or by a branch', async (t) => {
  t.same(training('4F2A91C'), { kind: 'commit', prefix: '4f2a91c' })
  t.same(training('@main'), { kind: 'branch', branch: 'main' })
  t.same(training('@feature%2Fx'), { kind: 'branch', branch: 'feature/x' })
  t.equal(training('4f2a91'), null, 'six digits are too few')
  t.equal(training('latest'), null)
  t.equal(training('@'), null)
})

t.test('what is no address of a page is none', async (t) => {
  const others = [
    '/p',
    '/g//p',
    '/g/p/-',
    '/g/p/-/nothing',
    '/g/p/-/models/m',
    '/g/p/-/models/m/d/4f2a91c/more',
    '/g/p/-/merge_requests',
    '/g/p/-/merge_requests/0',
    '/g/p/-/merge_requests/1e3',
    '/g/p/-/merge_requests/1/diffs',
    '/-/models/m/d',
    '/g/p%2Fq/-/models',
    '/g/%zz',
    `/${'g/'.repeat(21)}p`,
  ]

  for (const path of others) t.equal(parsePageAddress(path), null, path)
})

t.test("GitLab's addresses are made of an http address only", async (t) => {
  const gitlab = createGitLabAddresses('https://git.example.com/g/p/?x=1')

  t.equal(gitlab?.commit('4f2a91c'), 'https://git.example.com/g/p/-/commit/4f2a91c')
  t.equal(gitlab?.ref('a/b c#d'), 'https://git.example.com/g/p/-/commits/a/b%20c%23d')
  t.equal(createGitLabAddresses('javascript:alert(1)'), null)
  t.equal(createGitLabAddresses('git.example.com/g/p'), null)
})
