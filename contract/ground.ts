import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { createGitLab } from '../service/gitlab/client.js'
import type { GitLab } from '../service/gitlab/port.js'

/** What GitLab answers, as it comes. */
export interface RawAnswer {
  status: number
  headers: Headers
  text: string
  json: Record<string, unknown>
}

/** A throw-away project of whom the token belongs to, with two branches, a merge request and, where GitLab makes one, a
 * pipeline. */
export interface Ground {
  url: string
  token: string
  /** The service's own client. */
  gitlab: GitLab
  userId: number
  projectId: number
  path: string
  /** The project as GitLab told it when it was new. */
  created: Record<string, unknown>
  mainSha: string
  headSha: string
  mrIid: number
  /** The merge request's answer right after it was opened. */
  opened: Record<string, unknown>
  /** Null where GitLab made none. */
  pipelineId: number | null
  /** Any call below `/api/v4`; `token: null` sends none. */
  call(method: string, path: string, options?: CallOptions): Promise<RawAnswer>
}

interface CallOptions {
  body?: unknown
  token?: string | null
}

/** Only who asks for it gets a pipeline, whose job no runner takes. */
const ciConfig = `workflow:
  rules: [{if: $CI_PIPELINE_SOURCE == "api"}]
train:
  tags: [mlmm-contract-no-such-runner]
  script: "true"
`
const timeoutMs = 20_000

/** Makes the project, gives it to `use` and removes it, however `use` ends. */
export async function withGround<T>(
  { url, token }: { url: string; token: string },
  use: (ground: Ground) => Promise<T>,
): Promise<T> {
  const call = caller(url, token)
  const name = `mlmm-contract-${randomBytes(4).toString('hex')}`
  const project = await made(call('POST', '/projects', { body: { name, visibility: 'private' } }))
  const projectId = Number(project.id)
  try {
    return await use({
      url,
      token,
      call,
      ...(await prepare(call, projectId, project)),
      ...clientOf(url, token),
    })
  } finally {
    await call('DELETE', `/projects/${projectId}`)
  }
}

function clientOf(url: string, token: string) {
  return { gitlab: createGitLab({ apiUrl: url, token, timeoutMs }) }
}

function caller(url: string, ownToken: string): Ground['call'] {
  return async (method, path, { body, token = ownToken } = {}) => {
    const answer = await fetch(`${url}/api/v4${path}`, {
      method,
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    return { status: answer.status, headers: answer.headers, text, json: parsed(text) }
  }
}

function parsed(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return {} // Rate limiters and proxies answer in plain text.
  }
}

async function made(answering: Promise<RawAnswer>): Promise<Record<string, unknown>> {
  const answer = await answering
  if (answer.status === 201) return answer.json
  throw new Error(`GitLab answered ${answer.status}: ${answer.text.slice(0, 300)}`)
}

async function prepare(call: Ground['call'], projectId: number, created: Record<string, unknown>) {
  const below = `/projects/${projectId}`
  const fresh = (await call('GET', below)).json
  const commit = (branch: string, files: Record<string, string>, start: object) =>
    made(
      call('POST', `${below}/repository/commits`, {
        body: {
          branch,
          ...start,
          commit_message: `Files of ${branch}`,
          actions: Object.entries(files).map(([file_path, content]) => ({
            action: 'create',
            file_path,
            content,
          })),
        },
      }),
    )
  const main = await commit('main', { '.mlmm.yml': 'results: {}\n' }, {})
  const head = await commit('feature', { '.gitlab-ci.yml': ciConfig }, { start_branch: 'main' })
  const opened = await made(
    call('POST', `${below}/merge_requests`, {
      body: { source_branch: 'feature', target_branch: 'main', title: 'Feature' },
    }),
  )
  const pipeline = await call('POST', `${below}/pipeline`, { body: { ref: 'feature' } })
  const user = (await call('GET', '/user')).json
  return {
    userId: Number(user.id),
    projectId,
    path: String(created.path_with_namespace),
    created: fresh,
    mainSha: String(main.id),
    headSha: String(head.id),
    mrIid: Number(opened.iid),
    opened,
    pipelineId: pipeline.status === 201 ? Number(pipeline.json.id) : null,
  }
}

/** Asks again until `look` answers something, for at most half a minute: GitLab prepares much in the background. */
export async function eventually<T>(look: () => Promise<T | null>): Promise<T | null> {
  const endsAt = performance.now() + 30_000
  for (;;) {
    const found = await look()
    if (found !== null || performance.now() > endsAt) return found
    await pause(250)
  }
}
