import { type Browser, chromium, type Page } from 'playwright-core'
import t from 'tap'
import { createAddresses } from '../../service/domain/addresses.js'
import { startTestService } from '../../service/test/support/service.js'

/** Debian's; another one by CHROMIUM. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

const service = await startTestService(t, { autoConnect: [] })
const { simulator, maintainer } = service
const addresses = createAddresses(service.url)
const path = 'research/iris'
const project = await simulator.createProject({
  path,
  visibility: 'private',
  members: [{ userId: maintainer.id, accessLevel: 40 }],
})
const head = await simulator.pushFiles({
  projectId: project.id,
  userId: maintainer.id,
  branch: 'main',
  message: 'First',
  files: { 'train.py': 'print(1)\n' },
})
const browser: Browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
t.teardown(() => browser.close())

t.test('a maintainer signs in, connects a private project, sees its model and signs out', async (t) => {
  const page = await openPage()

  await page.goto(`${service.url}/`)
  await page.getByRole('link', { name: 'Sign in' }).click()
  await chooseMaya(page)
  await authorize(page)
  t.equal(await page.locator('details.account summary').innerText(), 'Maya Maintainer')

  await page.goto(addresses.connect())
  await page.getByRole('link', { name: path }).click()
  await page.getByRole('heading', { name: `Connect ${path}` }).waitFor()
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
  await page.getByText('The project is connected.').waitFor()
  t.match(await page.locator('main').innerText(), `${service.url}/ci/v1/mlmm.yml`, 'the lines to paste')

  await page.getByRole('link', { name: 'Let mlmm post for this project' }).click()
  await authorize(page)
  await page.getByRole('button', { name: 'Let mlmm post for this project' }).click()
  await page.getByText("written by the project's own bot").waitFor()
  t.equal(page.url(), addresses.connectProject(project.id))

  const reported = await report()
  t.equal(reported.status, 202, reported.text)
  const found = await page.goto(addresses.project(path))
  t.equal(found?.status(), 200)
  const row = page.getByRole('row').filter({ has: page.getByRole('rowheader', { name: 'logistic' }) })
  t.match(await row.innerText(), '93.8%', 'the result of the model')

  await page.locator('details.account summary').click()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('link', { name: 'Sign in' }).waitFor()
  const hidden = await page.goto(addresses.project(path))
  t.equal(hidden?.status(), 404)
  t.ok(await page.getByRole('link', { name: 'Sign in' }).first().isVisible())
  t.notMatch(await page.content(), 'logistic')
  await page.context().close()
})

async function openPage(): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  return page
}

/** On GitLab's page, which has a button for each person. */
async function chooseMaya(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Maya Maintainer' }).click()
}

async function authorize(page: Page): Promise<void> {
  await page.locator('button[name=decision][value=authorize]').click()
  await page.waitForURL(`${service.url}/**`)
}

/** Sends what the job of a pipeline on main found. */
async function report() {
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    sha: head,
    ref: 'main',
    jobs: [{ name: 'train' }],
  })
  return service.report(pipeline.jobs[0]?.id ?? 0, {
    job: { name: 'train', status: 'success' },
    models: [{ name: 'logistic', dataset: 'iris', results: { accuracy: 0.9375 } }],
  })
}
