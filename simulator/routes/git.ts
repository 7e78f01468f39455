import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { basename } from 'node:path'

import { accessLevel, canReadProject, developer } from '../access.js'
import { runHttpBackend } from '../git/http-backend.js'
import { getUser, tokenState } from '../people.js'
import { noSha } from '../pipelines.js'
import { findProjectByPath } from '../projects.js'
import type { Project, User } from '../state.js'
import type { RefChange, World } from '../world.js'
import { findRunningJob } from './authentication.js'

interface Git {
  project: Project
  service: string
  query: string
  user: User | null
}

const gitPath = /^\/(.+)\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/

export function isGitPath(path: string): boolean {
  return gitPath.test(path)
}

/** git over HTTP at `<BASE>/<path>.git`: anonymous for public projects, else a token as the password. */
export function addGitRoutes(app: FastifyInstance, world: World): void {
  app.removeAllContentTypeParsers()
  // git-http-backend reads the body itself.
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.post('/*', (request, reply) => serveGit(world, request, reply))
}

export async function serveGit(world: World, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const git = readRequest(world, request, reply)
  if (git === null) return
  reply.hijack()
  const serve = (): Promise<void> => forward(world, git, request, reply)
  if (git.service !== 'git-receive-pack' || request.method !== 'POST') return serve()
  const pushed = receive(world, git, serve)
  world.tasks.run(() => pushed)
  return pushed
}

/** The client has its answer before the refs are compared: whoever waits for `settled` must wait for this. */
async function receive(world: World, git: Git, serve: () => Promise<void>): Promise<void> {
  const changes = await world.repositories.exclusively(git.project.gitDir, () => changesOf(world, git, serve))
  if (git.user !== null && changes.length > 0) world.on.pushed(git.project, git.user, changes)
}

function readRequest(world: World, request: FastifyRequest, reply: FastifyReply): Git | null {
  const url = new URL(request.url, 'http://unused')
  const match = gitPath.exec(decodeURIComponent(url.pathname.slice(world.settings.relativePath.length)))
  const found = match === null ? null : findProject(world, match[1] ?? '')
  const service = url.searchParams.get('service') ?? match?.[2] ?? ''
  const caller = readCaller(world, request)
  if (caller === 'unknown') return refuse(reply, 401)
  const mayRead = found !== null && canReadProject(world, found, caller.user)
  const mayWrite = found !== null && !caller.readOnly && accessLevel(world, found, caller.user) >= developer
  if (found === null || !mayRead) return refuse(reply, caller.user === null ? 401 : 404)
  if (service === 'git-receive-pack' && !mayWrite) return refuse(reply, caller.user === null ? 401 : 403)
  return { project: found, service, query: url.search.slice(1), user: caller.user }
}

function findProject(world: World, path: string): Project | null {
  const moved = world.state.movedPaths.get(path)
  return (
    findProjectByPath(world, path) ?? (moved === undefined ? null : (world.state.projects.get(moved) ?? null))
  )
}

type GitCaller = { user: User | null; readOnly: boolean }

function readCaller(world: World, request: FastifyRequest): GitCaller | 'unknown' {
  const encoded = /^basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  if (encoded === undefined) return { user: null, readOnly: true }
  const text = Buffer.from(encoded, 'base64').toString()
  const password = text.slice(text.indexOf(':') + 1)
  const job = findRunningJob(world, password)
  if (job !== null) return { user: getUser(world, job.userId), readOnly: true }
  const token = world.state.tokens.get(password)
  if (token === undefined || tokenState(token, world.now()) !== 'active') return 'unknown'
  const readOnly = !token.scopes.some((scope) => scope === 'api' || scope === 'write_repository')
  return { user: getUser(world, token.userId), readOnly }
}

function refuse(reply: FastifyReply, status: number): null {
  if (status === 401) reply.header('www-authenticate', 'Basic realm="GitLab"')
  reply
    .code(status)
    .type('text/plain')
    .send(status === 401 ? 'HTTP Basic: Access denied\n' : 'Not found\n')
  return null
}

function forward(world: World, git: Git, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const path = new URL(request.url, 'http://unused').pathname
  return runHttpBackend({
    folder: world.folder,
    path: `/${basename(git.project.gitDir)}/${path.slice(path.indexOf('.git/') + 5)}`,
    query: git.query,
    user: git.user?.username ?? null,
    request: request.raw,
    response: reply.raw,
    signal: world.tasks.signal,
  })
}

async function changesOf(world: World, git: Git, push: () => Promise<void>): Promise<RefChange[]> {
  const before = await world.repositories.listRefs(git.project.gitDir)
  await push()
  const after = await world.repositories.listRefs(git.project.gitDir)
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((ref) => ({ ref, before: before.get(ref) ?? noSha, after: after.get(ref) ?? noSha }))
    .filter((change) => change.before !== change.after && /^refs\/(heads|tags)\//.test(change.ref))
}
