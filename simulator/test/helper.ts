import type { Test } from 'tap'

import { startSimulator, type Simulator, type SimulatorOptions } from '../simulator.js'
import type { MergeRequest, Project, User } from '../state.js'

export interface Story {
  gitlab: Simulator
  author: User & { token: string }
  maintainer: User & { token: string }
  bot: User & { token: string }
  project: Project & { httpUrl: string }
}

/** A simulator with a public project, three people and one commit on `main`. */
export async function startStory(t: Test, options?: SimulatorOptions): Promise<Story> {
  const gitlab = await startSimulator(options)
  t.teardown(() => gitlab.close())
  const author = gitlab.createUser({ username: 'ada', name: 'Ada' })
  const maintainer = gitlab.createUser({ username: 'max', name: 'Max' })
  const bot = gitlab.createUser({ username: 'mlmm-bot', name: 'mlmm', bot: true })
  const project = await gitlab.createProject({
    path: 'research/iris',
    visibility: 'public',
    members: [
      { userId: author.id, accessLevel: 30 },
      { userId: maintainer.id, accessLevel: 40 },
      { userId: bot.id, accessLevel: 30 },
    ],
  })
  await gitlab.pushFiles({
    projectId: project.id,
    branch: 'main',
    files: { 'a.txt': 'one\n' },
    userId: author.id,
  })
  return { gitlab, author, maintainer, bot, project }
}

/** Pushes a change to a branch and opens a merge request for it. */
export async function openMergeRequest(story: Story, branch = 'feature'): Promise<MergeRequest> {
  const { gitlab, project, author } = story
  const files = { [`${branch}.txt`]: 'two\n' }
  await gitlab.pushFiles({ projectId: project.id, branch, files, userId: author.id, startBranch: 'main' })
  return gitlab.createMergeRequest({
    projectId: project.id,
    sourceBranch: branch,
    targetBranch: 'main',
    title: `Try ${branch}`,
    userId: author.id,
  })
}

export interface Answer {
  status: number
  headers: Headers
  text: string
  json: unknown
}

/** Calls the API below `/api/v4`. */
export async function call(
  gitlab: Simulator,
  token: string | null,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const answer = await fetch(`${gitlab.url}/api/v4${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(token === null ? {} : { 'private-token': token }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.includes('json') === true && text !== ''
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    json: isJson ? JSON.parse(text) : null,
  }
}
