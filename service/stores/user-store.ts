import type { Collection, Db } from 'mongodb'

/** What GitLab said of a person when they last signed in. */
export interface UserFacts {
  gitlabUserId: number
  username: string
  name: string
  avatarUrl: string | null
  /** Null where GitLab did not tell. */
  external: boolean | null
}

export interface User extends UserFacts {
  registeredAt: Date
  lastSignInAt: Date
}

interface UserDoc extends Omit<User, 'gitlabUserId'> {
  _id: number
  schema: 1
}

export type UserStore = ReturnType<typeof createUserStore>

/** The people who have signed in; only GitLab's number is an identity. */
export function createUserStore(db: Db) {
  const users: Collection<UserDoc> = db.collection<UserDoc>('users')

  async function find(gitlabUserId: number): Promise<User | null> {
    const doc = await users.findOne({ _id: gitlabUserId })
    return doc === null ? null : fromDoc(doc)
  }

  async function findByUsername(username: string): Promise<User | null> {
    const doc = await users.findOne({ username })
    return doc === null ? null : fromDoc(doc)
  }

  /** The usernames of those who have signed in. */
  async function listUsernames(gitlabUserIds: number[]): Promise<Map<number, string>> {
    const docs = await users.find({ _id: { $in: gitlabUserIds } }, { projection: { username: 1 } }).toArray()
    return new Map(docs.map(({ _id, username }) => [_id, username]))
  }

  /** Registers the account with the first sign-in, and takes over what changed with every later one. */
  async function register({ gitlabUserId, ...facts }: UserFacts, now: Date): Promise<User> {
    const doc = await users.findOneAndUpdate(
      { _id: gitlabUserId },
      { $set: { ...facts, lastSignInAt: now }, $setOnInsert: { schema: 1, registeredAt: now } },
      { upsert: true, returnDocument: 'after' },
    )
    if (doc === null) throw new Error(`User ${gitlabUserId} vanished while registering`)
    return fromDoc(doc)
  }

  /** True if there was an account. */
  async function erase(gitlabUserId: number): Promise<boolean> {
    return (await users.deleteOne({ _id: gitlabUserId })).deletedCount === 1
  }

  return { find, findByUsername, listUsernames, register, erase }
}

function fromDoc({ _id: gitlabUserId, schema: _, ...rest }: UserDoc): User {
  return { gitlabUserId, ...rest }
}
