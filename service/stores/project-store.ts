import { randomBytes } from 'node:crypto'
import type { Collection, Db } from 'mongodb'
import { isDuplicateKey } from './database.js'

/** How the project's webhook stands: not asked for yet, registered, or not possible for the bot (needs Maintainer). */
export type HookState = 'pending' | 'registered' | 'not_allowed'

export interface Project {
  id: string
  gitlabProjectId: number
  path: string
  webUrl: string
  defaultBranch: string | null
  visibility: 'private' | 'internal' | 'public'
  pipelinesOpen: boolean
  connectedAt: Date
  /** When GitLab last confirmed the fields above. */
  checkedAt: Date
  hook: { state: HookState; hookId: number | null; secretHash: string | null }
}

interface ProjectDoc extends Omit<Project, 'id'> {
  _id: string
  schema: 1
}

/** What GitLab says of a project; refreshed at every contact, because projects are renamed and closed. */
export type ProjectFacts = Pick<
  Project,
  'gitlabProjectId' | 'path' | 'webUrl' | 'defaultBranch' | 'visibility' | 'pipelinesOpen'
>

export function projectCollection(db: Db): Collection<ProjectDoc> {
  return db.collection<ProjectDoc>('projects')
}

function fromDoc({ _id: id, schema: _, ...rest }: ProjectDoc): Project {
  return { id, ...rest }
}

/** Our own ids have a letter first, so that a number in an address is always GitLab's. */
function newProjectId(): string {
  return `p${randomBytes(8).toString('hex')}`
}

export function createProjectStore(db: Db) {
  const projects = projectCollection(db)

  /** Connects the GitLab project, or finds the project that is connected to it already. */
  async function connect(facts: ProjectFacts, now: Date): Promise<Project> {
    const doc: ProjectDoc = {
      _id: newProjectId(),
      schema: 1,
      ...facts,
      connectedAt: now,
      checkedAt: now,
      hook: { state: 'pending', hookId: null, secretHash: null },
    }
    try {
      await projects.insertOne(doc)
      return fromDoc(doc)
    } catch (error) {
      if (!isDuplicateKey(error)) throw error
      const other = await findByGitLabId(facts.gitlabProjectId)
      if (other === null) throw error
      return other
    }
  }

  async function find(projectId: string): Promise<Project | null> {
    const doc = await projects.findOne({ _id: projectId })
    return doc === null ? null : fromDoc(doc)
  }

  async function findByGitLabId(gitlabProjectId: number): Promise<Project | null> {
    const doc = await projects.findOne({ gitlabProjectId })
    return doc === null ? null : fromDoc(doc)
  }

  /** By the path as GitLab last told it: for addresses of pages, never to authorise. */
  async function findByPath(path: string): Promise<Project | null> {
    const doc = await projects.findOne({ path }, { sort: { checkedAt: -1 } })
    return doc === null ? null : fromDoc(doc)
  }

  async function refresh(projectId: string, facts: ProjectFacts, now: Date): Promise<void> {
    await projects.updateOne({ _id: projectId }, { $set: { ...facts, checkedAt: now } })
  }

  /** Closes a project that GitLab no longer shows to the bot; its results are kept. */
  async function close(projectId: string, now: Date): Promise<void> {
    await projects.updateOne({ _id: projectId }, { $set: { visibility: 'private', checkedAt: now } })
  }

  async function setHook(projectId: string, hook: Project['hook']): Promise<void> {
    await projects.updateOne({ _id: projectId }, { $set: { hook } })
  }

  /** Public projects with open pipelines by path; `after` is the last path of the page before. */
  async function listOpen(limit: number, after: string | null): Promise<Project[]> {
    const docs = await projects
      .find({ visibility: 'public', pipelinesOpen: true, ...(after !== null && { path: { $gt: after } }) })
      .sort({ path: 1 })
      .limit(limit)
      .toArray()
    return docs.map(fromDoc)
  }

  /** All ids in batches, for the reconciler. */
  async function* listIds(batchSize: number): AsyncGenerator<string[]> {
    let after = ''
    for (;;) {
      const docs = await projects
        .find({ _id: { $gt: after } })
        .project<{ _id: string }>({ _id: 1 })
        .sort({ _id: 1 })
        .limit(batchSize)
        .toArray()
      if (docs.length === 0) return
      yield docs.map((doc) => doc._id)
      after = docs.at(-1)?._id ?? after
    }
  }

  return { connect, find, findByGitLabId, findByPath, refresh, close, setHook, listOpen, listIds }
}

export type ProjectStore = ReturnType<typeof createProjectStore>
