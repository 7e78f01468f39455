import { type Browser, chromium, type Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { createAddresses } from '../../service/domain/addresses.js'
import { seedPages } from '../../service/test/support/pages.js'
import { startTestService } from '../../service/test/support/service.js'
import { signIn } from '../../service/test/support/sign-in.js'

/** Debian's; another one by CHROMIUM. */
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'

const service = await startTestService(t)
const { mrIid, hostile, hostileNames } = await seedPages(service)
const browser: Browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
t.teardown(() => browser.close())

const addresses = createAddresses(service.url)
const hostileModels = hostileNames.map((name) =>
  addresses.model(hostile.path, { name, dataset: name, commit: hostile.head, repeat: name, trial: null }),
)
const pages = [
  addresses.projects(),
  addresses.project('research/iris'),
  addresses.history('research/iris', { name: 'logistic', dataset: 'iris' }),
  `${addresses.history('research/iris', { name: 'logistic', dataset: 'iris' })}/@main`,
  addresses.mergeRequest('research/iris', mrIid),
  addresses.project('research/empty'),
  addresses.project(hostile.path),
  ...hostileModels,
]

for (const width of [1280, 390, 360]) {
  for (const colorScheme of ['light', 'dark'] as const) {
    t.test(`pages are whole at ${width} px, ${colorScheme}`, async (t) => {
      const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme })
      const page = await context.newPage()
      const said = listen(page)

      for (const address of pages) await checkPage(t, page, address)

      t.same(said, [], 'no error, refused resource or request to another host')
      await context.close()
    })
  }
}

/** What a browser complains about, and requests that leave the service. */
function listen(page: Page): string[] {
  const said: string[] = []
  page.on('console', (message) => said.push(message.text()))
  page.on('pageerror', (error) => said.push(error.message))
  page.on('dialog', (dialog) => said.push(dialog.message()))
  page.on('request', (request) => {
    if (!request.url().startsWith(`${service.url}/`)) said.push(request.url())
  })
  return said
}

interface Found {
  overflow: number
  headings: number
  title: string
  alive: number
  margin: string
  nameless: number
  badTargets: number
}

/** Run by the browser, of whose globals TypeScript knows nothing here. */
const lookAround = `(() => {
  const all = (selector) => [...document.querySelectorAll(selector)]
  const root = document.documentElement
  return {
    overflow: root.scrollWidth - root.clientWidth,
    headings: all('h1').length,
    title: document.title,
    alive: all('script, img, iframe, object, form, [onerror], [onmouseover], [style]').length,
    margin: getComputedStyle(document.body).margin,
    nameless: all('a').filter((link) => link.textContent.trim() === '').length,
    badTargets: all('a[href^="#"]').filter((link) => !document.getElementById(link.hash.slice(1))).length,
  }
})()`

async function checkPage(t: Test, page: Page, address: string): Promise<void> {
  const response = await page.goto(address)
  for (const summary of await page.locator('summary').all()) await summary.click()

  const found = await page.evaluate<Found>(lookAround)
  t.equal(response?.status(), 200, address)
  const expected = { overflow: 0, headings: 1, alive: 0, margin: '0px', nameless: 0, badTargets: 0 }
  t.match(found, expected, address)
  t.match(found.title, / · mlmm$/)
}

t.test('whoever uses the keyboard reaches the content first', async (t) => {
  const page = await browser.newPage()
  await page.goto(addresses.project('research/iris'))

  await page.keyboard.press('Tab')
  const first = await page.evaluate('document.activeElement.textContent')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  const next = await page.evaluate("document.activeElement.closest('main') !== null")

  t.equal(first, 'Skip to the content')
  t.equal(next, true)
  await page.close()
})

t.test('the link to the details of a model opens them', async (t) => {
  const page = await browser.newPage()
  await page.goto(addresses.mergeRequest('research/iris', mrIid))

  await page.getByRole('link', { name: 'details' }).first().click()

  t.ok(await page.locator('#model-1').isVisible())
  await page.close()
})

t.test('on a narrow screen what one can press is in sight', async (t) => {
  const { cookie } = await signIn(service, service.maintainer.id)
  const [name = '', value = ''] = cookie.split('=')
  const context = await browser.newContext({ viewport: { width: 360, height: 800 } })
  await context.addCookies([{ name, value, url: service.url }])
  const page = await context.newPage()

  for (const address of [addresses.profile(), addresses.settings('research/iris')]) {
    await page.goto(address)
    const ends = await page.evaluate<number[]>(
      "[...document.querySelectorAll('main :is(button, input, select)')].map((field) => field.getBoundingClientRect().right)",
    )

    t.ok(ends.length >= 2, address)
    t.ok(
      ends.every((end) => end <= 360),
      `${address}: ${ends.join(' ')}`,
    )
  }
  await context.close()
})
