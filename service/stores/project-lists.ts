import type { Collection, Filter } from 'mongodb'
import {
  caseless,
  type ConnectedDoc,
  fromConnectedDoc,
  type Project,
  type ProjectDoc,
} from './project-documents.js'

const mostAtOnePath = 10

/** Of which projects a list is made. */
export interface ListedFor {
  /** `everyone`: of anonymous and external people; `signed-in`: internal projects, too; `all`: whoever it is. */
  open: 'everyone' | 'signed-in' | 'all'
  /** GitLab's numbers of further projects. */
  memberOf: readonly number[]
  /** Our ids, beyond which there is nothing; null: no such limit. */
  among: readonly string[] | null
}

export interface PageByPath {
  limit: number
  /** The last path of the page before. */
  after: string | null
}

/** Connected projects by who may see them. */
export function createProjectLists(projects: Collection<ProjectDoc>) {
  /** Projects by path, which is compared as in pages' addresses: bytes. */
  async function listFor(whom: ListedFor, { limit, after }: PageByPath): Promise<Project[]> {
    const docs = await projects
      .find({ $and: [seenBy(whom), connected], ...(after !== null && { path: { $gt: after } }) })
      .sort({ path: 1 })
      .limit(limit)
      .toArray()
    return connectedOf(docs)
  }

  /** Projects that only their members may see, by GitLab's number; at most `limit` of them. */
  async function listClosed(open: 'everyone' | 'signed-in', limit: number): Promise<Project[]> {
    const filter = { $and: [{ $nor: [openTo(open)] }, connected], orphanedAt: null }
    return connectedOf(await projects.find(filter).limit(limit).toArray())
  }

  /** GitLab's lowest and highest number of a connected project; null where there is none. */
  async function findNumbers(): Promise<{ lowest: number; highest: number } | null> {
    const [first, last] = await Promise.all(
      ([1, -1] as const).map((gitlabProjectId) =>
        projects.find(connected).sort({ gitlabProjectId }).limit(1).next(),
      ),
    )
    const [lowest, highest] = [first?.gitlabProjectId ?? null, last?.gitlabProjectId ?? null]
    return lowest === null || highest === null ? null : { lowest, highest }
  }

  /** Who has the path, the last confirmed first, then who had it: for addresses of pages, never to authorise. */
  async function listAtPath(path: string): Promise<Project[]> {
    const [now, before] = await Promise.all(
      [{ path }, { formerPaths: path }].map((filter) =>
        projects
          .find(filter as Filter<ProjectDoc>, { collation: caseless })
          .sort({ checkedAt: -1 })
          .limit(mostAtOnePath)
          .toArray(),
      ),
    )
    return connectedOf([...(now ?? []), ...(before ?? [])])
  }

  /** Those of GitLab's numbers whose projects are connected. */
  async function listConnected(gitlabProjectIds: readonly number[]): Promise<number[]> {
    const docs = await projects
      .find({ gitlabProjectId: { $in: [...gitlabProjectIds] }, disconnectedAt: null } as Filter<ProjectDoc>)
      .project<{ gitlabProjectId: number }>({ _id: 0, gitlabProjectId: 1 })
      .toArray()
    return docs.map(({ gitlabProjectId }) => gitlabProjectId)
  }

  /** Projects of which GitLab was last asked before `before`, those first that wait longest. */
  async function listUnasked(before: Date, limit: number): Promise<string[]> {
    const isUnasked = { checkedAt: { $lt: before }, $or: [{ askedAt: null }, { askedAt: { $lt: before } }] }
    const docs = await projects
      .find({ ...connected, disconnectedAt: null, ...isUnasked } as Filter<ProjectDoc>)
      .project<{ _id: string }>({ _id: 1 })
      .sort({ checkedAt: 1 })
      .limit(limit)
      .toArray()
    return docs.map((doc) => doc._id)
  }

  return { listUnasked, listFor, listClosed, findNumbers, listAtPath, listConnected }
}

const connected: Filter<ProjectDoc> = { gitlabProjectId: { $gt: 0 } }

function openTo(open: 'everyone' | 'signed-in'): Filter<ProjectDoc> {
  const visibility = open === 'everyone' ? ['public' as const] : ['public' as const, 'internal' as const]
  return { visibility: { $in: visibility }, pipelinesOpen: true } as Filter<ProjectDoc>
}

function seenBy({ open, memberOf, among }: ListedFor): Filter<ProjectDoc> {
  const limited = among === null ? {} : { _id: { $in: [...among] } }
  if (open === 'all') return limited
  const member: Filter<ConnectedDoc> = { gitlabProjectId: { $in: [...memberOf] }, orphanedAt: null }
  return { $and: [limited, { $or: [openTo(open), member as Filter<ProjectDoc>] }] }
}

function connectedOf(docs: ProjectDoc[]): Project[] {
  return docs.map(fromConnectedDoc).filter((project) => project !== null)
}
