import t, { type Test } from 'tap'
import { seedPages } from '../support/pages.js'
import { startTestService } from '../support/service.js'
import { train } from '../support/story.js'

const service = await startTestService(t)
const { hostileNames } = await seedPages(service)
const project = await service.createProject('research/table')
const optimizers = ['adam', 'sgd', '=cmd|calc']
await train(
  service,
  project,
  Array.from({ length: 120 }, (_, index) => ({
    name: `m${index % 3}`,
    dataset: index % 2 === 0 ? 'iris' : 'wine',
    repeat: String(index),
    results: { accuracy: index / 200, loss: index % 10 === 0 ? 'NaN' : 1 - index / 200 },
    hyperparameters: {
      lr: index % 2 === 0 ? 0.1 : 0.01,
      optimizer: optimizers[index % 3],
      layers: [64, index],
    },
  })),
)
const at = '/research/table/-/results'

async function page(t: Test, path: string, status = 200): Promise<string> {
  const answer = await service.get(path, { accept: 'text/html' })
  t.equal(answer.status, status, path.slice(0, 100))
  t.notMatch(answer.text, /<script|<style|<img| style=| on\w+="|javascript:/i)
  t.ok(answer.text.length < 60_000 || path.includes('hostile'), `${answer.text.length} bytes`)
  return answer.text
}

function words(html: string): string {
  return html.replace(/<[^>]+>/g, ' ').replace(/(?:&nbsp;|\s)+/g, ' ')
}

/** Where a link of this name leads. */
function linkOf(html: string, text: string): string {
  const href = new RegExp(`<a href="([^"]*)"[^>]*>${text}</a>`).exec(html)?.[1] ?? ''
  return href.replaceAll('&#x3D;', '=').replaceAll('&amp;', '&')
}

t.test('the newest fifty, and from there to the others and back', async (t) => {
  const first = await page(t, at)
  const second = await page(t, linkOf(first, 'Next'))
  const third = await page(t, linkOf(second, 'Next'))
  const back = await page(t, linkOf(third, 'Previous'))

  t.match(words(first), '1 to 50 of 120 models')
  t.match(words(second), '51 to 100 of 120 models')
  t.match(words(third), '101 to 120 of 120 models')
  t.equal(linkOf(third, 'Next'), '')
  t.match(words(back), '51 to 100 of 120 models')
  t.equal(linkOf(first, 'Previous'), '')
})

t.test('the address says what is shown', async (t) => {
  const html = await page(
    t,
    `${at}?dataset=iris&where=${encodeURIComponent('r:accuracy>=0.5')}&where=h:optimizer=adam&sort=-accuracy`,
  )

  t.match(words(html), '3 of 120 models')
  t.match(words(html), 'Dataset is iris × accuracy at least 0.5 × optimizer is adam ×')
  t.match(html, /aria-sort="descending"[^]*accuracy/)
  t.match(words(await page(t, `${at}?where=r:loss=NaN`)), '12 of 120 models')
  t.match(words(await page(t, `${at}?where=${encodeURIComponent('h:layers~64,7')}`)), '11 of 120 models')
  t.match(words(await page(t, `${at}?where=r:nothing?`)), 'No model matches.')
  t.match(words(await page(t, `${at}?since=1h`)), '1 to 50 of 120 models')
  t.match(words(await page(t, `${at}?until=2020-01-01`)), 'No model matches.')
  t.match(words(await page(t, `${at}?branch=main&model=m1&model=m2`)), '1 to 50 of 80 of 120 models')
})

t.test('the form leads to the address of what it asks for', async (t) => {
  const answer = await service.get(`${at}?dataset=iris&branch=&on=h%3Alr&is=%3E%3D&value=0.05`, {
    accept: 'text/html',
  })

  t.equal(answer.status, 303)
  t.equal(answer.headers.get('location'), `${at}?dataset=iris&where=h%3Alr%3E%3D0.05`)
})

t.test('others beside a pinned model', async (t) => {
  const first = await page(t, `${at}?sort=-accuracy&column=r:accuracy`)
  const pinned = await page(t, linkOf(first, 'pin'))

  t.match(words(pinned), 'unpin')
  t.match(words(pinned), /0\.59 −0\.005|59\.0% −0\.5/)
})

t.test('what makes no sense is said and left out', async (t) => {
  const wrong: [string, RegExp][] = [
    ['where=nonsense', /A condition is a column/],
    ['where=r:accuracy>=high', /is a number/],
    ['after=n1.forged', /not the place of a page/],
    ['after=sx%25.AAAAAAAAAAAAAAAAAAAAAAAA', /not the place of a page/],
    ['sort=p:', /A column is/],
    ['since=2026-02-31', /no such day/],
    ['since=yesterday', /A day is written/],
    ['mr=x', /whole number/],
    ['commit=zz', /hexadecimal/],
    ['pin=AAAAAAAAAAAAAAAAAAAAAAAA', /no such model/],
    ['person=nobody-here', /Nobody of this name/],
    ['color=red', /no such parameter/],
    [`where=r:accuracy=${'x'.repeat(9_000)}`, /too long/],
  ]
  for (const [query, message] of wrong) {
    const html = await page(t, `${at}?${query}`, 400)
    t.match(words(html), message, query.slice(0, 60))
    t.match(words(html), '1 to 50 of 120 models')
    await page(t, linkOf(html, 'The address without it'))
  }
})

t.test('all that matches as CSV, with formulas disarmed', async (t) => {
  const answer = await service.get(
    `${at}.csv?dataset=iris&sort=accuracy&column=r:accuracy&column=h:optimizer&column=h:layers`,
  )

  t.equal(answer.headers.get('content-type'), 'text/csv; charset=utf-8')
  const lines = answer.text.trimEnd().split('\r\n')
  t.equal(lines.length, 61)
  t.equal(
    lines[0],
    'id,time,model,dataset,commit,branch,tag,pipeline,person,repeat,trial,version,result:accuracy,hyperparameter:optimizer,hyperparameter:layers',
  )
  t.match(lines[1], /,m0,iris,[0-9a-f]{40},main,,\d+,\d+,0,,,0,adam,"\[64,0\]"$/)
  t.match(lines[2], /,0\.01,"'=cmd\|calc","\[64,2\]"$/)
})

t.test('all that matches as NDJSON, with every column', async (t) => {
  const answer = await service.get(`${at}.ndjson?model=m0&where=r:loss%3DNaN`)

  const rows = answer.text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.equal(rows.length, 4)
  t.same(
    rows.map(({ results }) => results.loss),
    ['NaN', 'NaN', 'NaN', 'NaN'],
  )
  t.match(rows[0], { dataset: 'iris', model: 'm0', hyperparameters: { lr: 0.1, layers: [64, Number] } })
  t.equal((await service.get(`${at}.csv?where=nonsense`)).status, 400)
})

t.test('hostile names stay in their cells', async (t) => {
  const html = await page(t, '/research/hostile.names/-/results')

  t.equal(html.match(/<tr>/g)?.length, hostileNames.length + 1)
})

t.test('nothing there', async (t) => {
  t.match(words(await page(t, '/research/empty/-/results')), 'Nothing has been reported yet.')
  t.equal((await service.get('/research/nowhere/-/results', { accept: 'text/html' })).status, 404)
})
