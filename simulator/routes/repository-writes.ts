import { accessLevel, developer } from '../access.js'
import { ApiError, forbidden, messageError, parameterError } from '../errors.js'
import { resolveCommit } from '../git/commits.js'
import { updateRef } from '../git/write.js'
import { noSha } from '../pipelines.js'
import { presentCommit } from '../present/commits.js'
import { createPushes } from '../pushes.js'
import type { Project } from '../state.js'
import type { Api, SignedAsk } from './api.js'
import { optionalText, projectOf, requiredText } from './parameters.js'

const repository = '/projects/:id/repository'

/** What programs may do instead of a push. */
export function addRepositoryWriteRoutes(api: Api): void {
  api.signed('POST', `${repository}/commits`, createCommit)
  api.signed('POST', `${repository}/branches`, createBranch)
  api.signed('POST', `${repository}/tags`, createTag)
}

function writable(ask: SignedAsk): Project {
  const project = projectOf(ask)
  if (accessLevel(ask.world, project, ask.user) < developer) throw forbidden()
  if (project.archived) throw forbidden()
  return project
}

async function createCommit(ask: SignedAsk): Promise<unknown> {
  const project = writable(ask)
  const branch = requiredText(ask, 'branch')
  const message = requiredText(ask, 'commit_message')
  const files = readActions(ask.body['actions'])
  const startBranch = optionalText(ask.body['start_branch'])
  const isNew = (await resolveCommit(project.gitDir, `refs/heads/${branch}`)) === null
  const isFirst = (await resolveCommit(project.gitDir, project.defaultBranch)) === null
  if (isNew && startBranch === null && !isFirst) {
    throw new ApiError(400, { message: 'You can only create or edit files when you are on a branch' })
  }
  const start = startBranch === null ? {} : { startBranch }
  const push = { projectId: project.id, userId: ask.user.id, branch, message, files, ...start }
  const sha = await createPushes(ask.world).commit(push)
  ask.reply.code(201)
  const commit = await ask.world.repositories.findCommit(project.gitDir, sha)
  return commit === null ? null : presentCommit(ask.world, project, commit)
}

function readActions(value: unknown): Record<string, string | Buffer | null> {
  if (!Array.isArray(value)) throw parameterError('actions is missing')
  return Object.fromEntries(value.map(readAction))
}

function readAction(value: unknown): [path: string, content: string | Buffer | null] {
  const { action, file_path: path, content, encoding } = value as Record<string, unknown>
  if (typeof path !== 'string') throw parameterError('actions[file_path] is missing')
  if (action === 'delete') return [path, null]
  if (action !== 'create' && action !== 'update') {
    throw parameterError('actions[action] does not have a valid value')
  }
  const text = String(content ?? '')
  return [path, encoding === 'base64' ? Buffer.from(text, 'base64') : text]
}

async function createBranch(ask: SignedAsk): Promise<unknown> {
  const project = writable(ask)
  const name = requiredText({ ...ask, body: { ...ask.query, ...ask.body } }, 'branch')
  const { commit } = await createRef(ask, project, `refs/heads/${name}`, 'Branch already exists')
  return { name, commit, merged: false, protected: false, default: name === project.defaultBranch }
}

async function createTag(ask: SignedAsk): Promise<unknown> {
  const project = writable(ask)
  const name = requiredText({ ...ask, body: { ...ask.query, ...ask.body } }, 'tag_name')
  const { commit, sha } = await createRef(ask, project, `refs/tags/${name}`, `Tag ${name} already exists`)
  return { name, message: '', target: sha, commit, release: null, protected: false }
}

async function createRef(ask: SignedAsk, project: Project, ref: string, taken: string) {
  const from = requiredText({ ...ask, body: { ...ask.query, ...ask.body } }, 'ref')
  if ((await resolveCommit(project.gitDir, ref)) !== null) throw messageError(400, taken)
  const sha = await resolveCommit(project.gitDir, from)
  const commit = sha === null ? null : await ask.world.repositories.findCommit(project.gitDir, sha)
  if (sha === null || commit === null) throw messageError(400, `Invalid reference name: ${from}`)
  await updateRef(project.gitDir, ref, sha)
  ask.world.on.pushed(project, ask.user, [{ ref, before: noSha, after: sha }])
  ask.reply.code(201)
  return { sha, commit: presentCommit(ask.world, project, commit) }
}
