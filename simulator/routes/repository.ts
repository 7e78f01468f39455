import { createHash } from 'node:crypto'

import { messageError, notFound, parameterError } from '../errors.js'
import { listChanges, listCommits, resolveCommit } from '../git/commits.js'
import { git, gitText, GitError } from '../git/git.js'
import { presentCommit } from '../present/commits.js'
import type { Project } from '../state.js'
import type { Api, Ask } from './api.js'
import { offsetPage } from './paging.js'
import { flag, mergeRequestOf, projectOf, requireCode } from './parameters.js'

const repository = '/projects/:id/repository'

export function addRepositoryRoutes(api: Api): void {
  const reading = { anonymous: true, jobToken: true }
  api.route('GET', `${repository}/files/:path/raw`, rawFile, { anonymous: true })
  api.route('GET', `${repository}/files/:path`, jsonFile, { anonymous: true })
  api.route('GET', `${repository}/tree`, tree, { anonymous: true })
  api.route('GET', `${repository}/branches`, listBranches, reading)
  api.route('GET', `${repository}/branches/:branch`, showBranch, reading)
  api.route('GET', '/projects/:id/merge_requests/:iid/diffs', mergeRequestDiffs, { anonymous: true })
}

interface FoundFile {
  path: string
  ref: string
  sha: string
  blob: string
  content: Buffer
}

async function findFile(ask: Ask, project: Project): Promise<FoundFile> {
  requireCode(ask, project)
  const path = ask.params['path'] ?? ''
  const ref = String(ask.query['ref'] ?? project.defaultBranch)
  const sha = await resolveCommit(project.gitDir, ref)
  if (sha === null) throw notFound('Commit')
  try {
    const blob = await gitText(project.gitDir, ['rev-parse', '--verify', '--quiet', `${sha}:${path}`])
    const content = await git(project.gitDir, ['cat-file', 'blob', blob])
    return { path, ref, sha, blob, content }
  } catch (err) {
    if (err instanceof GitError) throw notFound('File')
    throw err
  }
}

async function rawFile(ask: Ask): Promise<unknown> {
  const file = await findFile(ask, projectOf(ask))
  ask.reply.headers({ 'x-gitlab-commit-id': file.sha, 'x-gitlab-blob-id': file.blob })
  return ask.reply.type('text/plain').send(file.content)
}

async function jsonFile(ask: Ask): Promise<unknown> {
  if (ask.query['ref'] === undefined) throw parameterError('ref is missing, ref is empty')
  if (ask.query['ref'] === '') throw parameterError('ref is empty')
  const project = projectOf(ask)
  const file = await findFile(ask, project)
  const [last] = await listCommits(project.gitDir, { revision: file.sha, limit: 1, path: file.path })
  return {
    file_name: file.path.split('/').at(-1),
    file_path: file.path,
    size: file.content.length,
    encoding: 'base64',
    content_sha256: createHash('sha256').update(file.content).digest('hex'),
    ref: file.ref,
    blob_id: file.blob,
    commit_id: file.sha,
    last_commit_id: last?.id ?? file.sha,
    execute_filemode: false,
    content: file.content.toString('base64'),
  }
}

async function tree(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  const sha = await resolveCommit(project.gitDir, String(ask.query['ref'] ?? project.defaultBranch))
  if (sha === null) throw notFound('Tree')
  const path = ask.query['path']
  const args = ['ls-tree', '-z', ...(flag(ask.query['recursive']) ? ['-r', '-t'] : []), sha]
  const text = await gitText(
    project.gitDir,
    typeof path === 'string' ? [...args, `${path.replace(/\/$/, '')}/`] : args,
  )
  const entries = text.split('\0').filter((line) => line !== '')
  return offsetPage(ask, entries.map(presentTreeEntry))
}

function presentTreeEntry(line: string): Record<string, unknown> {
  const [facts = '', path = ''] = line.split('\t')
  const [mode, type, id] = facts.split(' ')
  return { id, name: path.split('/').at(-1), type, path, mode }
}

async function presentBranch(ask: Ask, project: Project, name: string): Promise<unknown> {
  const commit = await ask.world.repositories.findCommit(project.gitDir, `refs/heads/${name}`)
  if (commit === null) throw notFound('Branch')
  const isProtected = project.protectedBranches.includes(name)
  return {
    name,
    commit: presentCommit(ask.world, project, commit),
    merged: false,
    protected: isProtected,
    developers_can_push: false,
    developers_can_merge: false,
    can_push: true,
    default: name === project.defaultBranch,
    web_url: `${ask.world.url}/${project.path}/-/tree/${name}`,
  }
}

async function listBranches(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  const refs = await ask.world.repositories.listRefs(project.gitDir)
  const names = [...refs.keys()].filter((ref) => ref.startsWith('refs/heads/')).map((ref) => ref.slice(11))
  const search = ask.query['search']
  const wanted = names.filter((name) => typeof search !== 'string' || name.includes(search))
  return Promise.all(offsetPage(ask, wanted).map((name) => presentBranch(ask, project, name)))
}

function showBranch(ask: Ask): unknown {
  return presentBranch(ask, projectOf(ask), ask.params['branch'] ?? '')
}

async function mergeRequestDiffs(ask: Ask): Promise<unknown> {
  const project = projectOf(ask)
  const mr = mergeRequestOf(ask, project)
  if (mr.diffRefs === null) throw messageError(404, '404 Not found')
  const changes = await listChanges(project.gitDir, mr.diffRefs.base_sha, mr.diffRefs.head_sha)
  const entries = changes.map((change) => ({
    old_path: change.path,
    new_path: change.path,
    new_file: change.status === 'A',
    deleted_file: change.status === 'D',
    renamed_file: false,
    generated_file: false,
    diff: '',
  }))
  return offsetPage(ask, entries)
}
