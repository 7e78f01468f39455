import type { Collection } from 'mongodb'
import type { StandaloneMember } from '../domain/standalone.js'
import { isDuplicateKey } from './database.js'
import {
  type AnyProject,
  anyFromDoc,
  caseless,
  fromConnectedDoc,
  newProjectId,
  type Project,
  type ProjectDoc,
  type ProjectFacts,
  type StandaloneDoc,
  type StandaloneProject,
} from './project-documents.js'
import type { PageByPath } from './project-lists.js'

export interface NewStandalone {
  path: string
  name: string
  description: string
  createdBy: Omit<StandaloneMember, 'accessLevel'>
}

/** `taken`: another project is connected to that GitLab project. */
export type ConnectStandaloneOutcome =
  { kind: 'connected'; project: Project } | { kind: 'taken' } | { kind: 'not_found' }

const maintainer = 40
const mostMembers = 1_000
const mostOwned = 100

/** What only standalone projects have. */
export function createStandaloneProjects(projects: Collection<ProjectDoc>) {
  /** Null where the path is taken. Whoever makes it is its Maintainer. */
  async function createStandalone(
    { path, name, description, createdBy }: NewStandalone,
    now: Date,
  ): Promise<StandaloneProject | null> {
    const doc: StandaloneDoc = {
      _id: newProjectId(),
      schema: 1,
      gitlabProjectId: null,
      path,
      name,
      description,
      members: [{ ...createdBy, accessLevel: maintainer }],
      visibility: 'private',
      pipelinesOpen: false,
      createdAt: now,
    }
    try {
      await projects.insertOne(doc)
    } catch (error) {
      if (isDuplicateKey(error)) return null
      throw error
    }
    const { _id: id, schema: _, ...rest } = doc
    return { id, ...rest }
  }

  async function findAny(projectId: string): Promise<AnyProject | null> {
    const doc = await projects.findOne({ _id: projectId })
    return doc === null ? null : anyFromDoc(doc)
  }

  async function setDescription(projectId: string, description: string): Promise<void> {
    await projects.updateOne({ _id: projectId, gitlabProjectId: null }, { $set: { description } })
  }

  /** Gives a standalone project a repository: from then on it has GitLab's path and members, and keeps its models. */
  async function connectStandalone(
    projectId: string,
    facts: ProjectFacts,
    now: Date,
  ): Promise<ConnectStandaloneOutcome> {
    const literal = Object.fromEntries(
      Object.entries(facts).map(([name, value]) => [name, { $literal: value }]),
    )
    const hook = { state: 'pending' as const, hookId: null, secretHash: null }
    try {
      const doc = await projects.findOneAndUpdate(
        { _id: projectId, members: { $exists: true } },
        [
          { $set: { ...literal, connectedAt: now, checkedAt: now, hook, formerPaths: ['$path'] } },
          { $unset: ['members', 'name', 'description', 'createdAt'] },
        ],
        { returnDocument: 'after' },
      )
      const project = doc === null ? null : fromConnectedDoc(doc)
      return project === null ? { kind: 'not_found' } : { kind: 'connected', project }
    } catch (error) {
      if (isDuplicateKey(error)) return { kind: 'taken' }
      throw error
    }
  }

  return {
    createStandalone,
    findAny,
    setDescription,
    connectStandalone,
  }
}

/** Who may see standalone projects. */
export function createStandaloneMembers(projects: Collection<ProjectDoc>) {
  /** Standalone projects that the person is a member of, by path. `among`: our ids, beyond which there is nothing. */
  async function listOfMember(
    gitlabUserId: number,
    { limit, after, among }: PageByPath & { among: readonly string[] | null },
  ): Promise<StandaloneProject[]> {
    const docs = await projects
      .find({
        'members.gitlabUserId': gitlabUserId,
        ...(after !== null && { path: { $gt: after } }),
        ...(among !== null && { _id: { $in: [...among] } }),
      })
      .sort({ path: 1 })
      .limit(limit)
      .toArray()
    return standaloneOf(docs)
  }

  /** Standalone projects that would be left without a Maintainer, at most 100. */
  async function listOnlyMaintainedBy(gitlabUserId: number): Promise<StandaloneProject[]> {
    const docs = await projects
      .find({
        members: {
          $elemMatch: { gitlabUserId, accessLevel: maintainer },
          $not: { $elemMatch: othersThan(gitlabUserId) },
        },
      })
      .sort({ path: 1 })
      .limit(mostOwned)
      .toArray()
    return standaloneOf(docs)
  }

  /** False where the last Maintainer would be lost, or there is no such member. */
  async function changeMember(projectId: string, member: StandaloneMember): Promise<boolean> {
    const { gitlabUserId, username, accessLevel } = member
    const stays = accessLevel === maintainer ? {} : { members: { $elemMatch: othersThan(gitlabUserId) } }
    const changed = await projects.updateOne(
      { _id: projectId, 'members.gitlabUserId': gitlabUserId, $and: [stays] },
      { $set: { 'members.$[one]': { gitlabUserId, username, accessLevel } } },
      { arrayFilters: [{ 'one.gitlabUserId': gitlabUserId }] },
    )
    return changed.matchedCount === 1
  }

  /** Adds the member or changes their role; false where the last Maintainer would be lost or there are 1,000 members. */
  async function setMember(projectId: string, member: StandaloneMember): Promise<boolean> {
    if (await changeMember(projectId, member)) return true
    const { gitlabUserId, username, accessLevel } = member
    const added = await projects.updateOne(
      {
        _id: projectId,
        members: { $exists: true },
        'members.gitlabUserId': { $ne: gitlabUserId },
        [`members.${mostMembers - 1}`]: { $exists: false },
      },
      { $push: { members: { gitlabUserId, username, accessLevel } } },
    )
    return added.matchedCount === 1
  }

  /** False where the last Maintainer would be lost, or there is no such member. */
  async function removeMember(projectId: string, gitlabUserId: number): Promise<boolean> {
    const { modifiedCount } = await projects.updateOne(
      { _id: projectId, members: { $elemMatch: othersThan(gitlabUserId) } },
      { $pull: { members: { gitlabUserId } } },
    )
    return modifiedCount === 1
  }

  /** Ends the person's membership in every standalone project that keeps a Maintainer. */
  async function leaveAll(gitlabUserId: number): Promise<void> {
    await projects.updateMany(
      { 'members.gitlabUserId': gitlabUserId, members: { $elemMatch: othersThan(gitlabUserId) } },
      { $pull: { members: { gitlabUserId } } },
    )
  }

  return { listOfMember, listOnlyMaintainedBy, changeMember, setMember, removeMember, leaveAll }
}

/** Of standalone projects alone, whose paths are unique; the caller asks by collation. */
export const standaloneIndexes = [
  {
    key: { gitlabProjectId: 1 },
    unique: true,
    partialFilterExpression: { gitlabProjectId: { $gt: 0 } },
    name: 'gitlabProjectId_once',
  },
  {
    key: { path: 1 },
    unique: true,
    partialFilterExpression: { gitlabProjectId: null },
    collation: caseless,
    name: 'standalone_path_once',
  },
  { key: { 'members.gitlabUserId': 1, path: 1 } },
] as const

function othersThan(gitlabUserId: number) {
  return { gitlabUserId: { $ne: gitlabUserId }, accessLevel: maintainer } as const
}

function standaloneOf(docs: ProjectDoc[]): StandaloneProject[] {
  return docs.map(anyFromDoc).filter((project) => project?.gitlabProjectId === null)
}
