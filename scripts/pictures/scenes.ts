import type { Page } from 'playwright-core'
import { createAddresses } from '../../service/domain/addresses.js'
import { makeToken } from '../../service/test/support/people.js'
import { eventually } from '../../service/test/support/service.js'
import type { Ground, Viewer } from './ground.js'

/** One picture: who looks, and how they come there. Scenes are played in order and may change what later ones show. */
export interface Scene {
  name: string
  as: Viewer | 'nobody'
  open(stage: Stage): Promise<unknown>
}

interface Stage {
  page: Page
  ground: Ground
}

const at =
  (address: string) =>
  ({ page, ground }: Stage) =>
    page.goto(`${ground.service.url}${address}`)

const paths = createAddresses('')

export const scenes: Scene[] = [
  { name: 'projects-anonymous', as: 'nobody', open: at('/') },
  { name: 'projects', as: 'maya', open: at('/') },
  { name: 'projects-none', as: 'fresh', open: at('/?after=zzzz') },
  { name: 'projects-menu', as: 'maya', open: openMenu },
  { name: 'projects-menu-long', as: 'rtl', open: openMenu },
  { name: 'project', as: 'maya', open: at('/research/iris') },
  { name: 'project-archived', as: 'maya', open: at('/research/past') },
  { name: 'project-empty', as: 'maya', open: at('/research/empty') },
  {
    name: 'project-long',
    as: 'maya',
    open: ({ page, ground }) => go(page, ground, paths.project(ground.longPath)),
  },
  { name: 'project-hostile', as: 'nobody', open: at('/research/hostile.names') },
  { name: 'project-standalone', as: 'maya', open: at('/~maya/notes') },
  { name: 'history', as: 'maya', open: at('/research/iris/-/models/logistic/iris') },
  { name: 'results', as: 'maya', open: at('/research/iris/-/results?where=h:lr%3E0.01&sort=-accuracy') },
  { name: 'results-wrong', as: 'maya', open: at('/research/iris/-/results?where=nonsense&since=yesterday') },
  { name: 'results-hostile', as: 'nobody', open: at('/research/hostile.names/-/results') },
  { name: 'model', as: 'maya', open: at('/research/iris/-/models/logistic/iris/@main') },
  { name: 'merge-request', as: 'maya', open: ({ page, ground }) => openMergeRequest(page, ground) },
  {
    name: 'merge-request-gated',
    as: 'maya',
    open: ({ page, ground }) => go(page, ground, paths.mergeRequest(ground.gated.path, ground.gated.mrIid)),
  },
  {
    name: 'merge-request-accepted',
    as: 'maya',
    open: async ({ page, ground }) => {
      await go(page, ground, paths.mergeRequest(ground.gated.path, ground.gated.mrIid))
      await page.getByLabel('Reason').fill('Smaller and faster; agreed with the team on Monday.')
      await page.getByRole('button', { name: 'Accept' }).click()
      await page.getByRole('status').waitFor()
    },
  },
  { name: 'sign-in-denied', as: 'nobody', open: (stage) => signInBy(stage, 'Nora New', 'deny') },
  { name: 'sign-in-stale', as: 'nobody', open: at('/-/sign-in/callback?state=x&code=y') },
  { name: 'sign-in-gitlab-away', as: 'nobody', open: signInAway },
  { name: 'connect', as: 'maya', open: at('/-/connect') },
  { name: 'connect-search', as: 'maya', open: at('/-/connect?search=vision') },
  { name: 'connect-no-result', as: 'maya', open: at('/-/connect?search=nothing+of+the+kind') },
  { name: 'connect-none', as: 'fresh', open: at('/-/connect') },
  { name: 'connect-confirm', as: 'maya', open: ({ page, ground }) => confirm(page, ground) },
  { name: 'connect-consented', as: 'maya', open: consent },
  { name: 'connect-done', as: 'maya', open: connect },
  { name: 'connect-hook-refused', as: 'maya', open: connectRefused },
  { name: 'connect-archived-409', as: 'maya', open: connectArchived },
  {
    name: 'connect-archived',
    as: 'maya',
    open: ({ page, ground }) => go(page, ground, paths.connectProject(ground.archived.id)),
  },
  {
    name: 'settings',
    as: 'maya',
    open: ({ page, ground }) => go(page, ground, paths.settings(ground.unconnected.path)),
  },
  { name: 'settings-result', as: 'maya', open: at('/research/iris/-/settings?result=left-both') },
  {
    name: 'settings-disconnected',
    as: 'maya',
    open: ({ page, ground }) => go(page, ground, paths.settings(ground.disconnected.path)),
  },
  {
    name: 'settings-long',
    as: 'maya',
    open: ({ page, ground }) => go(page, ground, paths.settings(ground.longPath)),
  },
  { name: 'new-project', as: 'maya', open: at('/-/new') },
  { name: 'new-project-problem', as: 'maya', open: newProjectProblem },
  { name: 'standalone-settings', as: 'maya', open: at('/~maya/notes/-/settings') },
  { name: 'standalone-settings-problem', as: 'maya', open: memberProblem },
  { name: 'profile', as: 'maya', open: at('/-/profile') },
  { name: 'profile-long', as: 'rtl', open: at('/-/profile') },
  { name: 'tokens-none', as: 'maya', open: at('/-/profile/tokens') },
  { name: 'tokens-made', as: 'maya', open: makeTokenByForm },
  { name: 'tokens-many', as: 'maya', open: seedTokens },
  { name: 'tokens-problem', as: 'maya', open: tokenProblem },
  { name: 'problem-delete-unconfirmed', as: 'maya', open: deleteUnconfirmed },
  { name: 'problem-403', as: 'dora', open: at('/research/iris/-/settings') },
  { name: 'problem-404', as: 'maya', open: at('/research/nothing-here') },
  { name: 'problem-404-page', as: 'maya', open: at('/research/iris/-/models/none/iris') },
  { name: 'problem-404-anonymous', as: 'nobody', open: at('/research/given-up') },
  { name: 'problem-429', as: 'nobody', open: tooMany },
]

function go(page: Page, { service }: Ground, path: string) {
  return page.goto(`${service.url}${path}`)
}

async function openMenu(stage: Stage): Promise<void> {
  await at('/')(stage)
  await stage.page.locator('details.account summary').click()
}

async function openMergeRequest(page: Page, ground: Ground): Promise<void> {
  await go(page, ground, paths.mergeRequest('research/iris', ground.mrIid))
  await page.locator('main summary').first().click()
}

async function signInBy(
  { page, ground }: Stage,
  name: string,
  decision: 'authorize' | 'deny',
): Promise<void> {
  await go(page, ground, '/-/sign-in')
  await page.getByRole('button', { name }).click()
  await page.locator(`button[name=decision][value=${decision}]`).click()
  await page.waitForURL(`${ground.service.url}/**`)
}

async function signInAway(stage: Stage): Promise<void> {
  const fault = stage.ground.service.simulator.faults.add({
    route: /oauth\/token/,
    status: 502,
    body: 'away',
  })
  await signInBy(stage, 'Nora New', 'authorize').finally(() => fault.remove())
}

function confirm(page: Page, ground: Ground) {
  return go(page, ground, paths.connectProject(ground.unconnected.id))
}

async function consent({ page, ground }: Stage): Promise<void> {
  await confirm(page, ground)
  await page.getByRole('link', { name: 'Connect and let mlmm post' }).click()
  await page.getByRole('button', { name: 'Maya Maintainer' }).click()
  await page.locator('button[name=decision][value=authorize]').click()
  await page.waitForURL(`${ground.service.url}/**`)
}

async function connect({ page, ground }: Stage): Promise<void> {
  await confirm(page, ground)
  await page.getByRole('button', { name: 'Connect and let mlmm post' }).click()
  await page.getByText('The project is connected.').waitFor()
}

async function connectRefused({ page, ground }: Stage): Promise<void> {
  const fault = ground.service.simulator.faults.add({
    method: 'POST',
    route: /projects\/[^/]+\/hooks/,
    status: 422,
    body: { error: 'Invalid url given' },
  })
  await go(page, ground, paths.connectProject(ground.refused.id))
  await page.getByRole('button', { name: 'Connect and let mlmm post' }).click()
  await eventually('the refusal', async () => {
    await page.reload()
    return (await page.content()).includes('Invalid url')
  })
  fault.remove()
}

async function connectArchived({ page, ground }: Stage): Promise<void> {
  await go(page, ground, paths.connectProject(ground.archived.id))
  ground.service.simulator.updateProject(ground.archived.id, { archived: true })
  await page.getByRole('button', { name: 'Connect', exact: true }).click()
}

async function newProjectProblem(stage: Stage): Promise<void> {
  await at('/-/new')(stage)
  await stage.page.getByLabel('Name').fill('not a name')
  await stage.page.getByRole('button', { name: 'Make project' }).click()
}

async function memberProblem(stage: Stage): Promise<void> {
  await at('/~maya/notes/-/settings')(stage)
  await stage.page.getByLabel('Username in GitLab').fill('nobody-here')
  await stage.page.getByRole('button', { name: 'Add', exact: true }).click()
}

async function makeTokenByForm(stage: Stage): Promise<void> {
  await at('/-/profile/tokens')(stage)
  await stage.page.getByLabel('What for').fill('nightly report')
  await stage.page.getByLabel('Only in these projects').fill('research/iris\nresearch/given-up')
  await stage.page.getByRole('button', { name: 'Make token' }).click()
}

async function seedTokens(stage: Stage): Promise<void> {
  const { service } = stage.ground
  for (let count = 0; count < 8; count += 1) await makeToken(service, service.maintainer.id)
  await makeToken(service, service.maintainer.id, { lifeMs: -1000, scope: 'read' })
  await at('/-/profile/tokens')(stage)
}

async function tokenProblem(stage: Stage): Promise<void> {
  await at('/-/profile/tokens')(stage)
  await stage.page.getByLabel('What for').fill('W'.repeat(100))
  await stage.page.getByLabel('Only in these projects').fill('not/here')
  await stage.page.getByRole('button', { name: 'Make token' }).click()
}

async function deleteUnconfirmed(stage: Stage): Promise<void> {
  await at('/research/iris/-/settings')(stage)
  await stage.page.locator('#delete-path').fill('something else')
  await stage.page.getByRole('button', { name: 'Delete for good' }).click()
}

/** More than one address may have in a minute. */
async function tooMany({ page, ground }: Stage): Promise<void> {
  for (let count = 0; count < 301; count += 1) {
    await fetch(`${ground.service.url}/-/sign-in`, { redirect: 'manual' })
  }
  await go(page, ground, '/-/sign-in')
}
