import t from 'tap'
import { startSimulator } from '../../simulator/simulator.js'
import type { GitLabVersion } from '../../simulator/profiles.js'
import { runContract } from '../run.js'

/** What GitLab has only since later versions; moved projects were answered without a redirect before 16.7. */
const untold: Partial<Record<GitLabVersion, RegExp>> = {
  '16.0': /signing token|can be listed/,
}
const differs: Partial<Record<GitLabVersion, RegExp>> = { '16.0': /moved project/ }

for (const version of ['16.0', '19.0'] as const) {
  t.test(`the contract holds with GitLab ${version}`, async (t) => {
    const simulator = await startSimulator({ version, runner: true, allowLocalHooks: false })
    t.teardown(() => simulator.close())
    const { token } = simulator.createUser({ username: 'maya' })

    const outcome = await runContract({ url: simulator.url, token })

    for (const { what, error } of outcome.client) t.equal(error, null, what)
    for (const { says, holds, seen } of outcome.facts) {
      const otherwise = differs[version]?.test(says) !== true
      t.equal(holds, untold[version]?.test(says) === true ? null : otherwise, `${says}; seen: ${seen}`)
    }
    t.equal(simulator.state.projects.size, 0, 'the project is gone')
  })
}
