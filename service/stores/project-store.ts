import type { Collection, Db, Document, Filter } from 'mongodb'
import { isOpenToEveryone } from '../domain/permissions.js'
import type { Connection } from './connection-store.js'
import { isDuplicateKey } from './database.js'
import {
  type AnyProject,
  anyFromDoc,
  caseless,
  type ConnectedDoc,
  type ForkReports,
  fromConnectedDoc,
  newProjectId,
  type Project,
  type ProjectDoc,
  type ProjectFacts,
} from './project-documents.js'
import { createProjectEndings } from './project-endings.js'
import { createProjectHooks } from './project-hooks.js'
import { createProjectLists } from './project-lists.js'
import { createStandaloneMembers, createStandaloneProjects } from './standalone-projects.js'

export type {
  AnyProject,
  ForkReports,
  Project,
  ProjectFacts,
  StandaloneProject,
} from './project-documents.js'

const formerPathsKept = 20
const formerBranchesKept = 5
const mostAtOnePath = 50

export function projectCollection(db: Db): Collection<ProjectDoc> {
  return db.collection<ProjectDoc>('projects')
}

function refreshed(facts: ProjectFacts, now: Date): Document {
  const former = { $ifNull: ['$formerPaths', []] }
  const path = { $literal: facts.path }
  const others = { $filter: { input: former, cond: { $not: [{ $in: ['$$this', ['$path', path]] }] } } }
  const renamed = { $slice: [{ $concatArrays: [others, ['$path']] }, -formerPathsKept] }
  return {
    ...Object.fromEntries(Object.entries(facts).map(([name, value]) => [name, { $literal: value }])),
    checkedAt: now,
    missingSince: null,
    orphanedAt: null,
    formerPaths: { $cond: [{ $eq: ['$path', path] }, former, renamed] },
    formerBranches: formerBranches(facts.defaultBranch, now),
  }
}

function formerBranches(defaultBranch: string | null, now: Date): Document {
  const former = { $ifNull: ['$formerBranches', []] }
  const name = { $literal: defaultBranch }
  const isAnother = { $not: [{ $in: ['$$this.name', ['$defaultBranch', name]] }] }
  const others = { $filter: { input: former, cond: isAnother } }
  const renamed = { $concatArrays: [others, [{ name: '$defaultBranch', until: now }]] }
  const isRenamed = { $and: [name, '$defaultBranch', { $ne: ['$defaultBranch', name] }] }
  return { $cond: [isRenamed, { $slice: [renamed, -formerBranchesKept] }, former] }
}

function newDoc(facts: ProjectFacts, now: Date, connection: Connection): ConnectedDoc {
  const hook = { state: 'pending', hookId: null, secretHash: null } as const
  return { _id: newProjectId(), schema: 1, ...facts, connectedAt: now, checkedAt: now, hook, ...connection }
}

export function createProjectStore(db: Db) {
  const projects = projectCollection(db)

  /** Connects the GitLab project, or finds the project that is connected to it already. */
  async function connect(facts: ProjectFacts, now: Date, connection: Connection = {}): Promise<Project> {
    const doc = newDoc(facts, now, connection)
    try {
      await projects.insertOne(doc)
      const { _id: id, schema: _, ...rest } = doc
      return { id, ...rest }
    } catch (error) {
      if (!isDuplicateKey(error)) throw error
      const other = await findByGitLabId(facts.gitlabProjectId)
      if (other === null) throw error
      return other
    }
  }

  async function findOne(filter: Filter<ProjectDoc>): Promise<Project | null> {
    const doc = await projects.findOne(filter)
    return doc === null ? null : fromConnectedDoc(doc)
  }

  /** Connected projects alone, as everything else here; see `findAny`. */
  function find(projectId: string): Promise<Project | null> {
    return findOne({ _id: projectId })
  }

  function findByGitLabId(gitlabProjectId: number): Promise<Project | null> {
    return findOne({ gitlabProjectId })
  }

  /** By the path as GitLab last told it, else by one it had before: for addresses of pages, never to authorise. */
  async function findByPath(path: string): Promise<Project | null> {
    const found = await findAnyByPath(path)
    return found === null || found.gitlabProjectId === null ? null : found
  }

  /** The same, standalone projects among them. */
  async function findAnyByPath(path: string): Promise<AnyProject | null> {
    return (await findAt({ path })) ?? findAt({ formerPaths: path })
  }

  /** One path may have belonged to several projects one after the other. */
  async function findAt(filter: { path: string } | { formerPaths: string }): Promise<AnyProject | null> {
    const docs = await projects
      .find(filter, { collation: caseless })
      .sort({ checkedAt: -1 })
      .limit(mostAtOnePath)
      .toArray()
    const doc = docs.find(isOpenToEveryone) ?? docs[0]
    return doc === undefined ? null : anyFromDoc(doc)
  }

  /** Projects that were open at this path when GitLab was last asked about them. */
  async function listOpenAt(path: string): Promise<Project[]> {
    const filter = { path, visibility: 'public', pipelinesOpen: true } as const
    const docs = await projects.find(filter, { collation: caseless }).limit(mostAtOnePath).toArray()
    return connectedOf(docs)
  }

  /** Keeps the path it had before. */
  async function refresh(projectId: string, facts: ProjectFacts, now: Date): Promise<void> {
    await projects.updateOne({ _id: projectId }, [{ $set: refreshed(facts, now) }])
  }

  /** Whatever came of it. */
  async function setAskedAt(projectId: string, at: Date): Promise<void> {
    await projects.updateOne({ _id: projectId }, { $set: { askedAt: at } })
  }

  /** Has GitLab asked about the project before anything is said of it again. */
  async function doubt(projectId: string): Promise<void> {
    await projects.updateOne({ _id: projectId }, { $set: { checkedAt: new Date(0) } })
  }

  /** Closes a project that GitLab no longer shows to the bot; its results are kept. */
  async function close(projectId: string, now: Date): Promise<void> {
    const missingSince = { $ifNull: ['$missingSince', now] }
    await projects.updateOne({ _id: projectId }, [
      { $set: { visibility: 'private', checkedAt: now, missingSince } },
    ])
  }

  /** Marks a project that is gone from GitLab; a refresh takes the mark away. */
  async function markOrphaned(projectId: string, now: Date): Promise<void> {
    await projects.updateOne({ _id: projectId, orphanedAt: null }, { $set: { orphanedAt: now } })
  }

  async function setHook(projectId: string, hook: Project['hook']): Promise<void> {
    await projects.updateOne({ _id: projectId }, { $set: { hook } })
  }

  async function setForkReports(projectId: string, forkReports: ForkReports): Promise<void> {
    await projects.updateOne({ _id: projectId }, { $set: { forkReports } })
  }

  return {
    connect,
    find,
    findByGitLabId,
    findByPath,
    findAnyByPath,
    listOpenAt,
    refresh,
    setAskedAt,
    doubt,
    close,
    markOrphaned,
    setHook,
    ...createProjectHooks(projects),
    setForkReports,
    /** All ids in batches, for the reconciler. */
    listIds: (batchSize: number) => listIds(projects, batchSize),
    ...createProjectLists(projects),
    ...createStandaloneProjects(projects),
    ...createStandaloneMembers(projects),
    ...createProjectEndings(projects),
  }
}

function connectedOf(docs: ProjectDoc[]): Project[] {
  return docs.map(fromConnectedDoc).filter((project) => project !== null)
}

export type ProjectStore = ReturnType<typeof createProjectStore>

async function* listIds(projects: Collection<ProjectDoc>, batchSize: number): AsyncGenerator<string[]> {
  let after = ''
  for (;;) {
    const docs = await projects
      .find({ _id: { $gt: after }, gitlabProjectId: { $ne: null } })
      .project<{ _id: string }>({ _id: 1 })
      .sort({ _id: 1 })
      .limit(batchSize)
      .toArray()
    if (docs.length === 0) return
    yield docs.map((doc) => doc._id)
    after = docs.at(-1)?._id ?? after
  }
}
