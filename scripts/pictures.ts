import { mkdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { type Ground, layGround } from './pictures/ground.js'
import { type Scene, scenes } from './pictures/scenes.js'

/**
 * `npm run pictures`: every page at three widths, light and dark, in `.pictures/`. Words after it choose the scenes whose
 * names have them: `npm run pictures -- tokens settings`. Fails where a page is wider than the screen. Needs a chromium.
 */

const folder = fileURLToPath(new URL('../.pictures/', import.meta.url))
const widths = [1280, 390, 360]
const words = process.argv.slice(2)
const chosen = scenes.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)))

const endings: (() => Promise<void>)[] = []
try {
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const ground = await layGround({ teardown: (ending) => endings.unshift(ending) })
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox'],
  })
  endings.unshift(() => browser.close())
  for (const scene of chosen) await take(browser, ground, scene)
} finally {
  for (const end of endings) await end()
}

async function take(browser: Browser, ground: Ground, scene: Scene): Promise<void> {
  const context = await openContext(browser, ground, scene)
  const page = await context.newPage()
  page.setDefaultTimeout(10_000)
  try {
    await scene.open({ page, ground })
    for (const width of widths) await takeAt(page, scene.name, width)
  } catch (error) {
    process.exitCode = 1
    process.stderr.write(`${scene.name}: ${String(error)}\n`)
  } finally {
    await context.close()
  }
}

async function openContext(browser: Browser, ground: Ground, scene: Scene): Promise<BrowserContext> {
  const context = await browser.newContext()
  const cookie = scene.as === 'nobody' ? null : ground.cookies[scene.as]
  if (cookie !== null) {
    const [name = '', value = ''] = cookie.split('=')
    await context.addCookies([{ name, value, url: ground.service.url }])
  }
  return context
}

async function takeAt(page: Page, name: string, width: number): Promise<void> {
  await page.setViewportSize({ width, height: 800 })
  const overflow = await page.evaluate<number>(
    'document.documentElement.scrollWidth - document.documentElement.clientWidth',
  )
  if (overflow > 0) {
    process.exitCode = 1
    process.stderr.write(`${name}: ${overflow} px wider than a screen of ${width} px\n`)
  }
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.screenshot({ path: `${folder}${name}-${width}-${colorScheme}.png`, fullPage: true })
  }
}
