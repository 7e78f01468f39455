import { accessLevel, developer, owner } from '../access.js'
import { forbidden, messageError, notFound, parameterError } from '../errors.js'
import { canReadGroup, findNamespace, groupLevel, personalNamespace } from '../groups.js'
import { createProject, deleteProject, findProjectByPath, newMember } from '../projects.js'
import { createPushes } from '../pushes.js'
import type { Namespace, Project } from '../state.js'
import type { Api, SignedAsk } from './api.js'
import { flag, integer, optionalText, projectOf, visibilityOf } from './parameters.js'
import { showProject } from './projects.js'

export function addProjectLifeRoutes(api: Api): void {
  api.signed('POST', '/projects', create)
  api.signed('DELETE', '/projects/:id', remove)
}

async function create(ask: SignedAsk): Promise<unknown> {
  const path = pathOf(ask)
  const namespace = namespaceFor(ask)
  const fullPath = `${namespace.fullPath}/${path}`
  if (findProjectByPath(ask.world, fullPath) !== null || ask.world.state.namespaces.has(fullPath)) {
    const taken = ['has already been taken']
    throw messageError(400, { 'project_namespace.name': taken, name: taken, path: taken })
  }
  const visibility = visibilityOf(ask) ?? 'private'
  if (namespace.kind === 'group') requireFits(visibility, namespace.visibility)
  const description = optionalText(ask.body['description'])
  const project = await createProject(ask.world, {
    path: fullPath,
    visibility,
    ...(description === null ? {} : { description }),
    ...(typeof ask.body['default_branch'] === 'string' ? { defaultBranch: ask.body['default_branch'] } : {}),
  })
  // In a group the level there counts; only one's own projects name one as their member.
  if (namespace.kind === 'user')
    project.members.push(newMember(ask.world, { userId: ask.user.id, accessLevel: owner }))
  if (flag(ask.body['initialize_with_readme'])) await writeReadme(ask, project, path)
  ask.reply.code(201)
  ask.params['id'] = String(project.id)
  return showProject(ask)
}

function pathOf(ask: SignedAsk): string {
  const { name, path } = ask.body
  const given = optionalText(path) ?? optionalText(name)?.trim().toLowerCase().replace(/\s+/g, '-') ?? null
  if (given === null || given === '') {
    throw parameterError('name, path are missing, at least one parameter must be provided')
  }
  if (/^[a-zA-Z0-9_.][\w.-]*$/.test(given)) return given
  throw messageError(400, {
    path: ["can contain only letters, digits, '_', '-' and '.'. Cannot start with '-'."],
  })
}

function namespaceFor(ask: SignedAsk): Namespace {
  const id = ask.body['namespace_id']
  if (ask.user.external && !ask.user.admin) throw forbidden()
  if (id === undefined || id === null) return personalNamespace(ask.world, ask.user)
  const namespace = findNamespace(ask.world, integer(id, 'namespace_id'))
  if (namespace === null) throw notFound('Namespace')
  if (namespace.kind === 'user') {
    if (namespace.fullPath !== ask.user.username && !ask.user.admin) throw notFound('Namespace')
    return namespace
  }
  if (!canReadGroup(ask.world, namespace, ask.user)) throw notFound('Namespace')
  if (groupLevel(ask.world, namespace, ask.user) < developer) throw forbidden()
  return namespace
}

const openness = { private: 0, internal: 10, public: 20 } as const

function requireFits(visibility: Project['visibility'], ofGroup: Namespace['visibility']): void {
  if (openness[visibility] <= openness[ofGroup]) return
  throw messageError(400, { visibility_level: [`${visibility} is not allowed in a ${ofGroup} group.`] })
}

async function writeReadme(ask: SignedAsk, project: Project, name: string): Promise<void> {
  await createPushes(ask.world).commit({
    projectId: project.id,
    branch: project.defaultBranch,
    files: { 'README.md': `# ${name}\n` },
    message: 'Initial commit',
    userId: ask.user.id,
  })
}

async function remove(ask: SignedAsk): Promise<unknown> {
  const project = projectOf(ask)
  if (accessLevel(ask.world, project, ask.user) < owner) throw forbidden()
  await deleteProject(ask.world, project.id)
  ask.reply.code(202)
  return { message: '202 Accepted' }
}
