import t, { type Test } from 'tap'
import type { SimulatorOptions } from '../../../simulator/simulator.js'
import { startTestService, type TestService } from '../support/service.js'
import { reachCallback, type SignedIn, browserWith, signIn } from '../support/sign-in.js'

interface Ground {
  service: TestService
  maya: SignedIn
  project: { id: number; path: string }
}

/** A service with a project of Maya's that nobody has connected and the bot is no member of. */
async function lay(t: Test, simulator: SimulatorOptions = {}): Promise<Ground> {
  const service = await startTestService(t, { simulator, autoConnect: [] })
  const { maintainer } = service
  const project = await service.simulator.createProject({
    path: 'research/iris',
    visibility: 'private',
    members: [{ userId: maintainer.id, accessLevel: 40 }],
  })
  await service.simulator.pushFiles({
    projectId: project.id,
    userId: maintainer.id,
    branch: 'main',
    message: 'First',
    files: { 'train.py': 'print(1)\n' },
  })
  return { service, maya: await signIn(service, maintainer.id), project }
}

/** Goes to GitLab and allows posting there. */
async function allowPosting({ service, maya, project }: Ground): Promise<string> {
  const { callback, cookie } = await reachCallback(service, {
    userId: service.maintainer.id,
    query: `?for=posting&return_to=/-/connect/${project.id}`,
    cookie: maya.cookie,
  })
  const answer = await browserWith(service, cookie).get(callback)
  return answer.headers.get('location') ?? ''
}

function hooksOf({ simulator }: TestService, projectId: number) {
  return [...simulator.state.hooks.values()].filter((hook) => hook.projectId === projectId)
}

function projectTokensOf({ simulator }: TestService, projectId: number) {
  return [...simulator.state.tokens.values()].filter((token) => token.projectId === projectId)
}

t.test('a maintainer connects a project and lets mlmm post', async (t) => {
  const ground = await lay(t)
  const { service, maya, project } = ground
  const address = `/-/connect/${project.id}`

  const before = await maya.get(address)
  const cameBackTo = await allowPosting(ground)
  const asked = await maya.get(address)
  const sent = await maya.post(address, { posting: 'yes' })
  const after = await maya.get(address)

  t.equal(before.status, 200)
  t.match(before.text, 'Nobody can write notes in this project yet.')
  t.match(before.text, /href="\/-\/sign-in\?for=posting&amp;return_to&#x3D;|href="\/-\/sign-in\?for/)
  t.equal(cameBackTo, address)
  t.match(asked.text, 'name="posting" value="yes"')
  t.equal(sent.status, 303, sent.text)
  t.equal(sent.headers.get('location'), address)
  t.match(after.text, 'written by the project&#x27;s own bot')
  t.match(after.text, 'The webhook works. A delivery was received at')
  t.match(after.text, `${service.url}/ci/v1/mlmm.yml`)
  t.equal(hooksOf(service, project.id).length, 1)
  t.equal(projectTokensOf(service, project.id).length, 1)
})
