import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { eventually, type TestProject, type TestService } from './service.js'

type Service = Pick<TestService, 'simulator' | 'maintainer'>

/** A commit with the files of its first parent. It is in no branch until it is pushed. */
export async function commitOn(
  service: Service,
  project: TestProject,
  ...parents: string[]
): Promise<string> {
  const [first] = parents
  const stdout = await gitIn(service, project, [
    'commit-tree',
    `${first}^{tree}`,
    ...parents.flatMap((parent) => ['-p', parent]),
    '-m',
    `After ${parents.join(' and ')}`,
  ])
  return stdout.trim()
}

/** Makes a branch point to a commit, whatever it pointed to. */
export async function forcePush(
  service: Service,
  project: TestProject,
  { branch, sha }: { branch: string; sha: string },
): Promise<void> {
  const url = new URL(`${service.simulator.url}/${project.path}.git`)
  url.username = 'maya'
  url.password = service.maintainer.token
  await gitIn(service, project, ['push', '--quiet', '--force', url.href, `${sha}:refs/heads/${branch}`])
  await service.simulator.settled()
}

async function gitIn(service: Service, project: TestProject, args: string[]): Promise<string> {
  const gitDir = service.simulator.state.projects.get(project.id)?.gitDir ?? ''
  const env = {
    PATH: process.env.PATH,
    GIT_AUTHOR_NAME: 'Maya',
    GIT_AUTHOR_EMAIL: 'maya@example.com',
    GIT_COMMITTER_NAME: 'Maya',
    GIT_COMMITTER_EMAIL: 'maya@example.com',
  }
  const { stdout } = await promisify(execFile)('git', ['--git-dir', gitDir, ...args], { env })
  return stdout
}

/** Merges and waits until the service has heard of it. Answers with the target branch's new head. */
export async function merge(
  service: TestService,
  project: TestProject,
  mrIid: number,
  options: { squash?: boolean } = {},
): Promise<string> {
  const { simulator, stores, maintainer } = service
  await simulator.mergeMergeRequest(project.id, mrIid, maintainer.id, options)
  await eventually('the news of the merge', async () => {
    const connected = await stores.projects.findByGitLabId(project.id)
    const facts = connected && (await stores.comparisons.findFacts(connected.id, mrIid))
    return facts?.mrState === 'merged'
  })
  await simulator.settled()
  const mr = [...simulator.state.mergeRequests.values()].find(
    (one) => one.projectId === project.id && one.iid === mrIid,
  )
  return (await gitIn(service, project, ['rev-parse', `refs/heads/${mr?.targetBranch}`])).trim()
}

/** How often GitLab was asked for ancestors. */
export function commitCalls({ simulator }: Service, project: TestProject): number {
  const path = `/projects/${project.id}/repository/commits?`
  return simulator.calls.filter((call) => call.path.includes(path)).length
}
