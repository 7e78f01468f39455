import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'
import { startSimulator } from '../simulator/simulator.js'

/** `npm run docs:picture`: the README's picture of a note, taken of the simulator's page. Needs a chromium. */

const root = new URL('..', import.meta.url)
const note = readFileSync(new URL('service/test/render/fixtures/notes/gate-warned.md', root), 'utf8')

const simulator = await startSimulator()
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
})
try {
  const page = await browser.newPage({ viewport: { width: 1100, height: 800 }, deviceScaleFactor: 1.5 })
  await page.goto(await noteAddress())
  await page.locator('.note .box').screenshot({ path: fileURLToPath(new URL('docs/note.png', root)) })
} finally {
  await browser.close()
  await simulator.close()
}

async function noteAddress(): Promise<string> {
  const bot = simulator.createUser({ username: 'mlmm-bot', name: 'mlmm', bot: true })
  const members = [{ userId: bot.id, accessLevel: 40 }]
  const project = await simulator.createProject({ path: 'research/iris', visibility: 'public', members })
  for (const branch of ['main', 'tune']) {
    await simulator.pushFiles({ projectId: project.id, userId: bot.id, branch, files: { branch } })
  }
  const branches = { sourceBranch: 'tune', targetBranch: 'main' }
  const mr = await simulator.createMergeRequest({
    projectId: project.id,
    ...branches,
    title: 'Tune',
    userId: bot.id,
  })
  await fetch(`${simulator.url}/api/v4/projects/${project.id}/merge_requests/${mr.iid}/notes`, {
    method: 'POST',
    headers: { 'private-token': bot.token, 'content-type': 'application/json' },
    body: JSON.stringify({ body: note }),
  })
  return `${simulator.url}/research/iris/-/merge_requests/${mr.iid}`
}
