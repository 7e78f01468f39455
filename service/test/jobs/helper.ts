import Fastify, { type FastifyBaseLogger } from 'fastify'
import { setTimeout as delay } from 'node:timers/promises'
import type { Db } from 'mongodb'
import { openTestDatabase } from '../../../embedded/test-database.js'
import {
  createJobStore,
  jobCollection,
  jobIndexes,
  type ClaimedJob,
  type JobStore,
} from '../../stores/job-store.js'

export const silent: FastifyBaseLogger = Fastify({ logger: false }).log

export interface JobsFixture {
  db: Db
  url: string
  store: JobStore
}

export async function openJobs(t: Parameters<typeof openTestDatabase>[0]): Promise<JobsFixture> {
  const { db, url } = await openTestDatabase(t)
  await jobCollection(db).createIndexes(jobIndexes)
  return { db, url, store: createJobStore(db) }
}

export async function claimNote(store: JobStore, leaseMs = 15_000): Promise<ClaimedJob | null> {
  return await store.claim({ types: ['note'], processId: 'test', leaseMs })
}

/** Waits for something that happens elsewhere; the limit only ends a test that would fail anyway. */
export async function until(condition: () => boolean | Promise<boolean>, limitMs = 20_000): Promise<void> {
  const endMs = performance.now() + limitMs
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`Not true within ${limitMs} ms: ${condition}`)
    await delay(5)
  }
}

/** Numbers in [0, 1) that are the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
