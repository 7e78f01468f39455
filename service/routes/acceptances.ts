import { Problem } from '../errors.js'
import { jobKey } from '../jobs/keys.js'
import type { Queue } from '../jobs/queue.js'
import type { Visitor } from '../plugins/person-access.js'
import type { ComparisonFacts, ComparisonStore } from '../stores/comparison-store.js'
import type { Decider, DecisionStore } from '../stores/decision-store.js'

export interface AcceptancesOptions {
  comparisons: Pick<ComparisonStore, 'findFacts'>
  decisions: Pick<DecisionStore, 'accept' | 'withdraw'>
  queue: Pick<Queue, 'enqueue'>
  clock: () => Date
}

/** What to accept: without keys every fail rule that is broken. */
export interface AcceptanceWish {
  reason: string
  head_sha?: string
  keys?: string[]
}

/** Accepts broken rules of a merge request and takes that back; its note is written anew. */
export interface Acceptances {
  /** @throws Problem NOT_FOUND */
  getComparison(projectId: string, iid: string): Promise<ComparisonFacts>
  /** @throws Problem NOT_FOUND, HEAD_CHANGED, NOTHING_TO_ACCEPT */
  accept(
    visitor: Visitor,
    iid: string,
    wish: AcceptanceWish,
  ): Promise<{ comparison: ComparisonFacts; isNew: boolean }>
  /** @throws Problem NOT_FOUND */
  withdraw(visitor: Visitor, iid: string): Promise<{ comparison: ComparisonFacts; ended: number }>
}

export function createAcceptances({ comparisons, decisions, queue, clock }: AcceptancesOptions): Acceptances {
  async function getComparison(projectId: string, iid: string): Promise<ComparisonFacts> {
    const mrIid = /^\d{1,12}$/.test(iid) ? Number(iid) : null
    const found = mrIid === null ? null : await comparisons.findFacts(projectId, mrIid)
    if (found !== null) return found
    throw new Problem('NOT_FOUND', {
      message: 'No model was reported for a merge request with this number.',
    })
  }

  return {
    getComparison,
    async accept(visitor, iid, wish) {
      const comparison = await getComparison(visitor.project.id, iid)
      const { projectId, mrIid, headSha } = comparison
      const keys = keysToAccept(comparison, wish)
      const decision = { ...deciderOf(visitor), reason: wish.reason, at: clock() }
      const isNew = await decisions.accept({ projectId, mrIid, headSha, keys, ...decision })
      await queue.enqueue(jobKey.note(projectId, mrIid))
      return { comparison, isNew }
    },
    async withdraw(visitor, iid) {
      const comparison = await getComparison(visitor.project.id, iid)
      const { projectId, mrIid } = comparison
      const ended = await decisions.withdraw(projectId, mrIid, deciderOf(visitor), clock())
      await queue.enqueue(jobKey.note(projectId, mrIid))
      return { comparison, ended }
    },
  }
}

export function deciderOf({ user }: Visitor): Decider {
  return { gitlabUserId: user.id, username: user.username }
}

function keysToAccept(comparison: ComparisonFacts, wish: AcceptanceWish): string[] {
  const { headSha, mrIid, mrState, verdict } = comparison
  if (wish.head_sha !== undefined && wish.head_sha !== headSha) {
    throw new Problem('HEAD_CHANGED', {
      message: `The newest compared head of !${mrIid} is ${headSha}.`,
      field: 'head_sha',
      value: wish.head_sha,
    })
  }
  if (mrState !== 'opened' && mrState !== 'locked') {
    throw new Problem('NOTHING_TO_ACCEPT', { message: `The merge request !${mrIid} is ${mrState}.` })
  }
  const broken = verdict?.broken ?? []
  if (wish.keys !== undefined) return requireBroken(wish.keys, new Set(broken.map(({ key }) => key)))
  const failed = broken.filter(({ level }) => level === 'fail').map(({ key }) => key)
  if (failed.length > 0) return failed
  throw new Problem('NOTHING_TO_ACCEPT', { message: `No fail rule is broken at ${headSha} of !${mrIid}.` })
}

function requireBroken(keys: string[], broken: ReadonlySet<string>): string[] {
  const index = keys.findIndex((key) => !broken.has(key))
  if (index === -1) return keys
  throw new Problem('NOTHING_TO_ACCEPT', {
    message: `keys[${index}] names no rule that is broken.`,
    field: `keys[${index}]`,
    value: keys[index],
  })
}
