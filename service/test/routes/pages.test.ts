import t, { type Test } from 'tap'
import { createAddresses } from '../../domain/addresses.js'
import type { ProjectFacts } from '../../stores/project-store.js'
import { seedPages } from '../support/pages.js'
import { startTestService } from '../support/service.js'
import { train } from '../support/story.js'

const service = await startTestService(t)
const { simulator, stores } = service
const { usual, mrIid, hostile, hostileNames, empty } = await seedPages(service)
const addresses = createAddresses('')

/** A page, which must be whole HTML without a script. */
async function page(t: Test, path: string, status = 200) {
  const answer = await service.get(path, { accept: 'text/html' })
  t.equal(answer.status, status, path.slice(0, 100))
  t.equal(answer.headers.get('content-type'), 'text/html; charset=utf-8')
  t.match(answer.text, /^<!doctype html>\n<html lang="en">[^]+<\/html>$/)
  t.notMatch(answer.text, /<script|<style|<img| style=| on\w+="|javascript:/i)
  return answer.text
}

/** The text of a page with one blank wherever there was markup. */
async function words(t: Test, path: string, status = 200): Promise<string> {
  const html = await page(t, path, status)
  return html.replace(/<[^>]+>/g, ' ').replace(/(?:&nbsp;|\s)+/g, ' ')
}

function openProject(path: string, gitlabProjectId: number): ProjectFacts {
  const webUrl = `https://git.example.com/${path}`
  return { gitlabProjectId, path, webUrl, defaultBranch: 'main', visibility: 'public', pipelinesOpen: true }
}

function rowsOf(html: string): number {
  return html.match(/class="sha"/g)?.length ?? 0
}

function tree(accuracy: number, labels: object): object {
  return { name: 'tree', dataset: 'iris', results: { accuracy }, ...labels }
}

t.test('the projects page lists open projects with their newest report', async (t) => {
  const shown = await words(t, '/')

  t.match(shown, /Project Default branch Newest report .*research\/empty main none yet/)
  t.match(shown, /research\/iris main \d{4}-\d\d-\d\d \d\d:\d\d/)
})

t.test('the projects page goes on by key', async (t) => {
  for (let index = 0; index < 40; index += 1) {
    await stores.projects.connect(openProject(`zoo/animal-${index}`, 90_000 + index), new Date())
  }

  const first = await page(t, '/')
  const next = /href="(\/\?after&#x3D;[^"]+)" rel="next"/.exec(first)?.[1]?.replaceAll('&#x3D;', '=')
  const second = await page(t, next ?? '')

  t.equal(first.match(/href="\/zoo\//g)?.length, 27)
  t.equal(second.match(/href="\/zoo\//g)?.length, 13)
  t.match(second, '<a href="/">First page</a>')
  t.notMatch(second, /rel="next"/)
})

t.test(
  "a project's page has its models by dataset, the best marked, the newest on main beside it",
  async (t) => {
    const shown = await words(t, '/research/iris')

    t.match(shown, /iris dataset Model accuracy ↑ .*loss ↓ Newest best main/)
    t.match(shown, /tree best 96\.7% 96\.0%/)
    t.match(shown, /logistic 93\.3% 93\.3%/)
    t.match(shown, /forest best 91\.0% – .* on !1 tune-lr/)
    t.equal(await words(t, '/research/iris/-/models'), shown)
  },
)

t.test("a project's page has its open merge requests and newest reports", async (t) => {
  const shown = await words(t, '/research/iris')

  t.match(shown, /Open merge requests .*!1 1 worse, 2 mixed, 1 new main \d{4}-/)
  t.match(shown, /Newest reports .* train [0-9a-f]{8} !1 tune-lr 4/)
})

t.test('a project without a model shows what to paste, with the address of this service', async (t) => {
  const shown = await words(t, `/${empty.path}`)

  t.match(shown, 'Nothing has been reported yet')
  t.match(shown, `include: - remote: ${service.url}/ci/v1/mlmm.yml train: extends: .mlmm`)
})

t.test('a history has a row for each training with its results and origin', async (t) => {
  const shown = await words(t, '/research/iris/-/models/logistic/iris')

  t.match(shown, /[0-9a-f]{8} \d{4}-\S+ \d\d:\d\d !1 tune-lr 91\.3% .*0\.241/)
  t.match(shown, new RegExp(`${usual.head.slice(0, 8)} \\S+ \\S+ main 93\\.3%`))
})

t.test('a history goes on by key', async (t) => {
  const project = await service.createProject('research/long')
  const repeats = Array.from({ length: 60 }, (_, index) => ({
    name: 'tree',
    dataset: 'iris',
    repeat: String(index),
    results: { accuracy: 0.9 },
  }))
  await train(service, project, repeats)

  const first = await page(t, '/research/long/-/models/tree/iris')
  const older = /href="([^"]+)" rel="next"/.exec(first)?.[1]?.replaceAll('&#x3D;', '=')
  const second = await page(t, older ?? '')

  t.equal(rowsOf(first), 50)
  t.equal(rowsOf(second), 10)
  t.match(second, 'Back to the newest')
})

t.test('a model is found by digits of its commit and by its branch', async (t) => {
  const short = await words(t, `/research/iris/-/models/logistic/iris/${usual.head.slice(0, 7)}`)

  t.equal(await words(t, `/research/iris/-/models/logistic/iris/${usual.head}`), short)
  t.equal(await words(t, '/research/iris/-/models/logistic/iris/@main'), short)
  await page(t, '/research/iris/-/models/logistic/iris/0000000', 404)
  await page(t, '/research/iris/-/models/logistic/iris/@none', 404)
})

t.test('a model has its results, settings, curves and artifacts, and where it came from', async (t) => {
  const html = await page(t, '/research/iris/-/models/logistic/iris/@main')
  const shown = await words(t, '/research/iris/-/models/logistic/iris/@main')

  t.match(shown, /Results .*accuracy ↑ 93\.3% 0\.933/)
  t.match(shown, /Hyperparameters .*lr 0\.1 l2 0\.0001 optimizer adam layers \[64,64\]/)
  t.match(shown, 'Parameters')
  t.match(
    html,
    /<svg class="chart"[^>]+aria-label="Line chart of loss over 400 points, from 1\.10 to 0\.201">/,
  )
  t.match(shown, /grad_norm .*50 of 5000 values; 399 not finite Step Value 0 7/)
  t.match(shown, 'diverged No value is finite. 2 values; 2 not finite')
  t.match(shown, `models/logistic.pkl 12,345 ${'ab'.repeat(32)}`)
  for (const path of [`commit/${usual.head}`, 'pipelines/', 'jobs/']) {
    t.match(html, `href="${simulator.url}/research/iris/-/${path}`)
  }
})

t.test("a model's raw JSON is one link away", async (t) => {
  const html = await page(t, '/research/iris/-/models/logistic/iris/@main')
  const href = /href="([^"]+)">Raw JSON/.exec(html)?.[1]

  const answer = await service.get(href ?? '')

  t.match(answer.json, { name: 'logistic', dataset: 'iris', commit: usual.head })
})

t.test('links to GitLab are never made of what the job says', async (t) => {
  const project = await service.createProject('research/liar')
  const base = { projectId: project.id, sha: project.head, ref: 'main', source: 'push' }
  const jobId = simulator.createPipeline({ ...base, jobs: [{ name: 'train' }] }).jobs[0]?.id ?? 0
  simulator.setJobStatus(jobId, 'running')
  const job = { name: 'train', status: 'success', url: 'https://evil.example.com/job' }
  await service.report(jobId, { job, models: [{ name: 'tree', dataset: 'iris', results: { accuracy: 1 } }] })

  t.notMatch(await page(t, '/research/liar/-/models/tree/iris/@main'), 'evil.example.com')
  t.notMatch(await page(t, '/research/liar'), 'evil.example.com')
})

t.test('repeats, trials and older pipelines of a commit are each found', async (t) => {
  const project = await service.createProject('research/repeats')
  await train(service, project, [
    tree(0.11, { repeat: '1' }),
    tree(0.12, { repeat: '2' }),
    tree(0.13, { trial: 'a' }),
  ])
  await train(service, project, [tree(0.21, { repeat: '1' })], { source: 'schedule' })
  const path = '/research/repeats/-/models/tree/iris/@main'

  const newest = await page(t, path)
  const oldPipeline = /pipeline&#x3D;(\d+)[^>]+>\1<\/a><\/th><td><bdi>2</.exec(newest)?.[1]

  t.match(newest, '21.0%', 'the newest pipeline wins')
  t.match(await page(t, `${path}?repeat=2`), '12.0%')
  t.match(await page(t, `${path}?trial=a`), '13.0%')
  t.match(await page(t, `${path}?repeat=1&pipeline=${oldPipeline}`), '11.0%')
  await page(t, `${path}?repeat=9`, 404)
  const links = [...newest.matchAll(/href="(\/research\/repeats\/-\/models\/tree\/iris\/[^"]+)"/g)]
  t.equal(links.length, 3, 'one to each of the others')
})

t.test("a merge request's page has every row of its comparison", async (t) => {
  const shown = await words(t, `/research/iris/-/merge_requests/${mrIid}`)

  t.match(shown, 'Merge request !1 1 worse, 2 mixed, 1 new')
  t.match(shown, new RegExp(`Compared with ${usual.head.slice(0, 8)} merge base, 3 models`))
  t.match(shown, 'worse logistic iris 93.3 → 91.3% (−2.0 pp) worse 0.210 → 0.241 (+0.031) worse details')
  t.match(shown, /accuracy ↑ 93\.3% 91\.3% −2\.0 pp −2\.1% worse/)
  t.match(shown, 'Setting Before Here Kind lr 0.1 0.05 hyperparameter')
  t.match(shown, 'forest on wine nothing to compare with')
  await page(t, '/research/iris/-/merge_requests/99', 404)
})

t.test('what is not there is a page that helps', async (t) => {
  const inProject = await page(t, '/research/iris/-/nothing', 404)
  const nowhere = await page(t, '/no/such', 404)

  t.match(inProject, 'href="/research/iris"')
  t.match(nowhere, 'There is no such project, or you may not see it.')
  t.match(nowhere, /<main.*Sign in<\/a> to see what is not open to everyone/s)
  t.notMatch(nowhere, 'href="/no/such"')
  for (const path of ['/x', '/research/iris/-/models/none/iris', `/a/${'b'.repeat(11_000)}`]) {
    await page(t, path, 404)
  }
})

t.test('a key that is none is told, with the way back', async (t) => {
  const shown = await page(t, '/research/iris/-/models?before=1.2', 400)

  t.match(shown, 'before is not the key of a page')
  t.match(shown, 'href="/research/iris"')
})

t.test('what is not open to everyone answers 404, from the moment GitLab says so', async (t) => {
  const closed = await service.createProject('research/closed')
  await train(service, closed, [{ name: 'tree', dataset: 'iris', results: { accuracy: 1 } }])
  await page(t, '/research/closed')
  const known = await stores.projects.findByGitLabId(closed.id)
  simulator.updateProject(closed.id, { visibility: 'private' })
  if (known === null) return t.fail('the project is not connected')
  await stores.projects.refresh(known.id, known, new Date(Date.now() - 6 * 60_000))

  for (const path of [
    '',
    '/-/models',
    '/-/models/tree/iris',
    '/-/models/tree/iris/@main',
    '/-/merge_requests/1',
  ]) {
    const shown = await page(t, `/research/closed${path}`, 404)
    t.notMatch(shown, 'href="/research/closed"')
  }
  t.notMatch(await page(t, '/'), 'research/closed')
})

t.test('a project that GitLab cannot be asked about is left out, and the page says so', async (t) => {
  const known = await stores.projects.findByGitLabId(empty.id)
  if (known === null) return t.fail('the project is not connected')
  await stores.projects.refresh(known.id, known, new Date(Date.now() - 6 * 60_000))
  const fault = simulator.faults.add({ route: /projects/, status: 502 })
  t.teardown(() => fault.remove())

  const list = await words(t, '/')
  const one = await words(t, '/research/empty', 503)

  t.notMatch(list, 'research/empty')
  t.match(list, '1 project left out')
  t.match(one, /GitLab does not answer Try again in a minute\..*Try again Projects/s)
})

t.test('names from outside stay text, and their pages are found', async (t) => {
  const overview = await page(t, '/research/hostile.names')

  for (const name of hostileNames) {
    const model = { name, dataset: name, commit: hostile.head, repeat: name, trial: null }
    const href = addresses.history('research/hostile.names', model)
    t.match(overview, `href="${href.replaceAll('=', '&#x3D;')}"`, 'the overview links to the history')
    await page(t, href)
    const one = await page(t, addresses.model('research/hostile.names', model))
    t.notMatch(one, /[\u202a-\u202e\u2066-\u2069\u2028]/)
  }
})

t.test('programs, and addresses that cannot be read, get problems of their own form', async (t) => {
  for (const path of ['/api/v1/nothing', '/ci/v2', '/webhooks', '/%zz/y']) {
    const answer = await service.get(path, { accept: 'text/html' })

    t.equal(answer.status, 404, path.slice(0, 100))
    t.equal(answer.headers.get('content-type'), 'application/problem+json; charset=utf-8')
    t.equal(answer.json.code, 'NOT_FOUND')
  }
})

t.test('HEAD answers as GET does, without a body', async (t) => {
  const answer = await fetch(`${service.url}/research/iris`, { method: 'HEAD' })

  t.equal(answer.status, 200)
  t.equal(await answer.text(), '')
})

t.test('pages may load from this service only, and no script at all', async (t) => {
  const answer = await service.get('/research/iris')

  t.equal(
    answer.headers.get('content-security-policy'),
    "default-src 'none';base-uri 'none';style-src 'self';img-src 'self';form-action 'self';frame-ancestors 'none'",
  )
})

t.test('the style is kept for ever under the name of its content', async (t) => {
  const href = /href="([^"]+\.css)"/.exec(await page(t, '/'))?.[1] ?? ''

  const answer = await service.get(href)
  const other = await service.get('/-/assets/style.000000000000.css')

  t.match(href, /^\/-\/assets\/style\.[\w-]{12}\.css$/)
  t.equal(answer.headers.get('content-type'), 'text/css; charset=utf-8')
  t.equal(answer.headers.get('cache-control'), 'public, max-age=31536000, immutable')
  t.equal(other.status, 404)
})

t.test('a page of a project with very many models goes on by key and names each model once', async (t) => {
  const project = await service.createProject('research/many')
  const models = Array.from({ length: 130 }, (_, index) => ({
    name: `model ${index}`,
    results: { accuracy: 0.9 },
  }))
  await train(service, project, models)

  const first = await page(t, '/research/many')
  const older = /href="([^"]+)" rel="next"/.exec(first)?.[1]?.replaceAll('&#x3D;', '=')
  const second = await page(t, older ?? '')

  const names = [first, second].map((html) => [
    ...html.matchAll(/<th scope="row"><a [^>]+><bdi>(model \d+)</g),
  ])
  t.same(
    names.map((found) => found.length),
    [100, 30],
  )
  t.equal(new Set(names.flat().map(([, name]) => name)).size, 130)
  t.match(first, 'Made of the newest 100 reported models.')
})
