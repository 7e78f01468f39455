import { BSON } from 'mongodb'
import type { TestService } from '../support/service.js'

/** Everything that the service keeps, a line for each document, and what it has written in GitLab. */
export type Snapshot = Map<string, string>

/** What may change although a request was refused: when somebody was last seen, that GitLab suspends them, and who was
 * found to speak for a project. */
const seen: Record<string, string> = {
  apiTokens: 'lastUsedAt',
  sessions: 'lastSeenAt',
  grants: 'suspension',
  projects: 'poster',
}
/** Answers of GitLab that are kept for a while. */
const caches = new Set(['memberships'])

export async function takeSnapshot({ db, simulator }: TestService): Promise<Snapshot> {
  const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => name)
  const kept = names.filter((name) => !caches.has(name))
  const found = await Promise.all(
    kept.map(async (name) => (await db.collection(name).find().toArray()).map((doc) => line(name, doc))),
  )
  const writes = simulator.calls.filter(({ method }) => method !== 'GET').length
  return new Map([...found.flat(), ['calls that change something in GitLab', String(writes)]])
}

function line(name: string, doc: Record<string, unknown>): [string, string] {
  const without = { ...doc }
  delete without[seen[name] ?? '']
  return [`${name} ${String(doc._id)}`, BSON.EJSON.stringify(without)]
}

/** Says what came, went and changed. */
export function diff(before: Snapshot, after: Snapshot): string[] {
  const keys = new Set([...before.keys(), ...after.keys()])
  return [...keys].filter((key) => before.get(key) !== after.get(key)).map((key) => `changed: ${key}`)
}
