import t from 'tap'

import { call, openMergeRequest, startStory } from './helper.js'

const { gitlab, author } = await startStory(t)
for (const name of ['a', 'b', 'c', 'd', 'e']) {
  await gitlab.createProject({ path: `many/${name}`, visibility: 'public' })
}

function next(headers: Headers): string | null {
  return /<([^>]+)>; rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? null
}

async function walk(path: string): Promise<number[][]> {
  const pages: number[][] = []
  let at: string | null = path
  while (at !== null) {
    const answer = await call(gitlab, author.token, 'GET', at)
    pages.push((answer.json as { id: number }[]).map((row) => row.id))
    at = next(answer.headers)?.replace(`${gitlab.url}/api/v4`, '') ?? null
  }
  return pages
}

t.test('offset paging has links and totals', async (t) => {
  const answer = await call(gitlab, author.token, 'GET', '/projects?per_page=2&page=2&simple=true')

  t.match(Object.fromEntries(answer.headers), {
    'x-page': '2',
    'x-per-page': '2',
    'x-next-page': '3',
    'x-prev-page': '1',
    'x-total': '6',
    'x-total-pages': '3',
  })
  for (const rel of ['prev', 'next', 'first', 'last']) t.match(answer.headers.get('link'), `rel="${rel}"`)
  t.same(
    (await walk('/projects?per_page=2')).map((page) => page.length),
    [2, 2, 2],
  )
})

t.test('keyset paging has only a next link, also after a full last page', async (t) => {
  const path = '/projects?pagination=keyset&order_by=id&sort=asc&per_page=3'
  const answer = await call(gitlab, author.token, 'GET', path)
  const pages = await walk(path)

  t.equal(answer.headers.get('x-total'), null)
  t.match(answer.headers.get('link'), /id_after=/)
  t.same(
    pages.map((page) => page.length),
    [3, 3, 0],
  )
  t.same(
    pages.flat(),
    pages.flat().toSorted((a, b) => a - b),
  )
})

t.test('totals can be missing and the next page can be empty', async (t) => {
  Object.assign(gitlab.paging, { dropTotals: true, linkToEmptyPage: true })
  t.teardown(() => Object.assign(gitlab.paging, { dropTotals: false, linkToEmptyPage: false }))

  const answer = await call(gitlab, author.token, 'GET', '/projects?per_page=3')

  t.equal(answer.headers.get('x-total'), null)
  t.notMatch(answer.headers.get('link'), /last/)
  t.same(
    (await walk('/projects?per_page=3')).map((page) => page.length),
    [3, 3, 0],
  )
})

t.test('above ten thousand rows nothing is counted', async (t) => {
  const big = await startStory(t)
  const mr = await openMergeRequest(big)
  const path = `/projects/${big.project.id}/merge_requests/${mr.iid}/notes`
  await call(big.gitlab, big.bot.token, 'POST', path, { body: 'Again and again' })
  const [note] = big.gitlab.listNotes(big.project.id, mr.iid)
  const { notes } = big.gitlab.state
  if (note === undefined) return t.fail('there is a note')
  while (notes.size < 10_000) notes.set(note.id + notes.size, { ...note, id: note.id + notes.size })
  const ask = () => call(big.gitlab, big.bot.token, 'GET', `${path}?per_page=100`)

  const counted = await ask()
  notes.set(note.id + 20_000, { ...note, id: note.id + 20_000 })
  const uncounted = await ask()

  t.equal(counted.headers.get('x-total'), '10000')
  t.equal(uncounted.headers.get('x-total'), null)
  t.equal(uncounted.headers.get('x-total-pages'), null)
  t.equal(uncounted.headers.get('x-next-page'), '2')
  t.notMatch(uncounted.headers.get('link'), /rel="last"/)
})

t.test('a page holds at most a hundred rows', async (t) => {
  const answer = await call(gitlab, author.token, 'GET', '/projects?per_page=1000')

  t.equal(answer.headers.get('x-per-page'), '100')
})

async function count(query: string): Promise<number> {
  return (await walk(`/projects?${query}`)).flat().length
}

t.test('projects are filtered by membership, level and search', async (t) => {
  t.equal(await count('membership=true'), 1)
  t.equal(await count('membership=true&min_access_level=30'), 1)
  t.equal(await count('membership=true&min_access_level=40'), 0)
  t.equal(await count('search=research+iris'), 1)
})
