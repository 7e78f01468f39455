import type { Collection, Db, IndexDescription } from 'mongodb'

/** In which projects of GitLab a person is a Reporter or more, as GitLab listed them. */
interface MembershipDoc {
  /** GitLab's number of the person. */
  _id: number
  schema: 1
  gitlabProjectIds: number[]
  readAt: Date
}

const membershipLifeMs = 5 * 60_000

export const membershipIndexes: IndexDescription[] = [
  { key: { readAt: 1 }, expireAfterSeconds: membershipLifeMs / 1000 },
]

export function membershipCollection(db: Db): Collection<MembershipDoc> {
  return db.collection<MembershipDoc>('memberships')
}

/** For lists alone, shared by all processes. */
export function createMembershipStore(db: Db) {
  const memberships = membershipCollection(db)

  /** Null where GitLab has to be asked. */
  async function find(gitlabUserId: number, now: Date): Promise<number[] | null> {
    const after = new Date(now.getTime() - membershipLifeMs)
    const doc = await memberships.findOne({ _id: gitlabUserId, readAt: { $gt: after } })
    return doc?.gitlabProjectIds ?? null
  }

  async function save(gitlabUserId: number, gitlabProjectIds: number[], readAt: Date): Promise<void> {
    const doc = { schema: 1 as const, gitlabProjectIds, readAt }
    await memberships.replaceOne({ _id: gitlabUserId }, doc, { upsert: true })
  }

  /** After a refusal in that project. */
  async function dropProject(gitlabUserId: number, gitlabProjectId: number): Promise<void> {
    await memberships.updateOne({ _id: gitlabUserId }, { $pull: { gitlabProjectIds: gitlabProjectId } })
  }

  async function drop(gitlabUserId: number): Promise<void> {
    await memberships.deleteOne({ _id: gitlabUserId })
  }

  return { find, save, dropProject, drop }
}

export type MembershipStore = ReturnType<typeof createMembershipStore>
