import { type GitLabApi, Refusal } from '../gitlab-api.js'
import { Group, Project } from '../schemas.js'
import { type ComponentFiles, componentFiles, componentVersion } from './component-files.js'
import type { Plan, SetupContext } from './step.js'

interface Actual {
  projectId: number
  branch: string
  /** Of the files, which have to be written. */
  changes: { action: 'create' | 'update'; file_path: string; content: string }[]
  isTagged: boolean
}

/** The project of the CI component, on the same instance because components of others cannot be included. */
export async function planComponent(context: SetupContext): Promise<Plan> {
  const { api, component } = context
  const [files, version] = [await componentFiles(context.publicUrl), await componentVersion()]
  const found = await api.find(`/projects/${encodeURIComponent(component)}`)
  if (found === null) return planNew(context, files, version)
  const project = Project.parse(found)
  const actual = await lookAt(api, project, { files, version })
  if (actual.changes.length === 0 && actual.isTagged) {
    return { kind: 'exists', text: `${component} has the component, tag ${version}` }
  }
  const names = actual.changes.map((change) => change.file_path)
  const commit = names.length === 0 ? [] : [`write ${names.join(', ')} to ${component}`]
  const tag = actual.isTagged ? [] : [`make the tag ${version} there`]
  return {
    kind: 'make',
    text: [...commit, ...tag].join(', '),
    run: () => write(context, actual, version),
  }
}

async function planNew(context: SetupContext, files: ComponentFiles, version: string): Promise<Plan> {
  const { api, component } = context
  const path = component.slice(component.lastIndexOf('/') + 1)
  const missing = await missingGroups(api, component)
  const groups = missing.length === 0 ? '' : `the group ${missing.join(', the group ')} and `
  return {
    kind: 'make',
    text: `make ${groups}the project ${component} (internal) with ${Object.keys(files).join(', ')} and the tag ${version}`,
    async run() {
      const namespace = await makeGroups(api, component).catch(explainGroup)
      const body = {
        path,
        name: path,
        namespace_id: namespace,
        visibility: 'internal',
        description: 'CI component of mlmm',
      }
      const made = await api.send('POST', '/projects', body).catch(explainGroup)
      const project = Project.parse(made)
      return write(context, await lookAt(api, project, { files, version }), version)
    },
  }
}

/** Somebody else's group, most of all on gitlab.com. */
function explainGroup(error: unknown): never {
  if (!(error instanceof Refusal) || ![403, 404].includes(error.status)) throw error
  throw new Error(`${error.message}; give --component a path in a group of yours`)
}

/** Paths of the groups above a project, the outermost first. */
function groupsAbove(component: string): string[] {
  const names = component.split('/').slice(0, -1)
  return names.map((_name, index) => names.slice(0, index + 1).join('/'))
}

async function missingGroups(api: GitLabApi, component: string): Promise<string[]> {
  const missing: string[] = []
  for (const path of groupsAbove(component)) {
    if ((await api.find(`/groups/${encodeURIComponent(path)}?with_projects=false`)) === null)
      missing.push(path)
  }
  return missing
}

/** The number of the innermost group. */
async function makeGroups(api: GitLabApi, component: string): Promise<number> {
  let parentId: number | null = null
  for (const fullPath of groupsAbove(component)) {
    const found = await api.find(`/groups/${encodeURIComponent(fullPath)}?with_projects=false`)
    const path = fullPath.slice(fullPath.lastIndexOf('/') + 1)
    const parent: { parent_id?: number } = parentId === null ? {} : { parent_id: parentId }
    const body = { path, name: path, visibility: 'internal', ...parent }
    parentId = Group.parse(found ?? (await api.send('POST', '/groups', body))).id
  }
  if (parentId === null) throw new Error('A project has a group')
  return parentId
}

async function lookAt(
  api: GitLabApi,
  { id, default_branch: branch }: { id: number; default_branch: string | null },
  { files, version }: { files: ComponentFiles; version: string },
): Promise<Actual> {
  const changes: Actual['changes'] = []
  for (const [path, content] of Object.entries(files)) {
    const ref = encodeURIComponent(branch ?? 'main')
    const found = await api.find(`/projects/${id}/repository/files/${encodeURIComponent(path)}?ref=${ref}`)
    if (found === null) changes.push({ action: 'create', file_path: path, content })
    else if (textOf(found) !== content) changes.push({ action: 'update', file_path: path, content })
  }
  const tag = await api.find(
    `/projects/${id}/repository/commits/${encodeURIComponent(`refs/tags/${version}`)}`,
  )
  return { projectId: id, branch: branch ?? 'main', changes, isTagged: tag !== null }
}

function textOf(file: unknown): string {
  return Buffer.from((file as { content?: string }).content ?? '', 'base64').toString()
}

async function write({ api, component }: SetupContext, actual: Actual, version: string): Promise<string> {
  const { projectId, branch, changes, isTagged } = actual
  if (changes.length > 0) {
    const body = { branch, commit_message: `mlmm ${version}`, actions: changes }
    await api.send('POST', `/projects/${projectId}/repository/commits`, body)
  }
  if (isTagged) {
    return `${component} is written, but its tag ${version} is older than that: include @${branch}, or delete the tag and run this again`
  }
  try {
    await api.send('POST', `/projects/${projectId}/repository/tags`, { tag_name: version, ref: branch })
  } catch (error) {
    if (!(error instanceof Refusal) || !/already exists/.test(error.reason)) throw error
  }
  return `${component} has the component, tag ${version}, which a job of the project releases`
}
