import t from 'tap'
import { startSimulator } from '../../simulator/simulator.js'
import { profiles, type GitLabVersion } from '../../simulator/profiles.js'
import { runContract } from '../run.js'

/** What GitLab has only since later versions. */
const untold: Partial<Record<GitLabVersion, RegExp>> = {
  '16.0': /signing token|can be listed/,
  '17.4': /signing token/,
  '18.4': /signing token/,
}

for (const version of Object.keys(profiles) as GitLabVersion[]) {
  t.test(`the contract holds with GitLab ${version}`, async (t) => {
    const simulator = await startSimulator({ version, runner: true, allowLocalHooks: false })
    t.teardown(() => simulator.close())
    const { token } = simulator.createUser({ username: 'maya' })

    const outcome = await runContract({ url: simulator.url, token })

    for (const { what, error } of outcome.client) t.equal(error, null, what)
    for (const { says, holds, seen } of outcome.facts) {
      const isUntold = untold[version]?.test(says) === true
      t.equal(holds, isUntold ? null : true, `${says}; seen: ${seen}`)
    }
    t.equal(simulator.state.projects.size, 0, 'the project is gone')
  })
}
