import type { Collection, Filter } from 'mongodb'
import { createGroupRead } from './group-read.js'
import {
  fromConnectedDoc,
  type HookHealth,
  type PollMark,
  type Project,
  type ProjectDoc,
  type ProjectHook,
} from './project-documents.js'

/** Connected, and not taken for deleted in GitLab. */
const isThere = { gitlabProjectId: { $gt: 0 }, disconnectedAt: null, orphanedAt: null }

/** What is known of the webhooks of projects, and what stands in for them. */
export function createProjectHooks(projects: Collection<ProjectDoc>) {
  /** Whose webhook has this address: a burst of webhooks reads a project once, as it is after each of them came. */
  const findOfHook = createGroupRead<Project>(async (projectIds) => {
    const found = await listConnected({ _id: { $in: projectIds } })
    return new Map(found.map((project) => [project.id, project]))
  })

  /** Lets one caller alone register the webhook; null for others meanwhile, and where the project is disconnected. */
  async function claimHook(projectId: string, now: Date, until: Date): Promise<Project | null> {
    const isFree = { disconnectedAt: null, 'hook.claimedUntil': { $not: { $gt: now } } }
    const doc = await projects.findOneAndUpdate(
      { _id: projectId, ...isFree } as Filter<ProjectDoc>,
      { $set: { 'hook.claimedUntil': until } },
      { returnDocument: 'after' },
    )
    return doc === null ? null : fromConnectedDoc(doc)
  }

  /** Ends the claim without anything done; `setHook` ends it, too. */
  async function releaseHook(projectId: string): Promise<void> {
    await projects.updateOne({ _id: projectId }, { $unset: { 'hook.claimedUntil': true } })
  }

  /** Whose webhook carries the secret of this hash, or carried it before a rotation. */
  const findBySecretHash = createGroupRead<Project>(async (hashes) => {
    const names = ['hook.previousSecretHash', 'hook.secretHash']
    const found = await listConnected({ $or: names.map((name) => ({ [name]: { $in: hashes } })) })
    return new Map([
      ...found.map((project) => [project.hook.previousSecretHash ?? '', project] as const),
      ...found.map((project) => [project.hook.secretHash ?? '', project] as const),
    ])
  })

  async function listConnected(filter: Filter<ProjectDoc>): Promise<Project[]> {
    const docs = await projects.find(filter).toArray()
    return docs.map(fromConnectedDoc).filter((project) => project !== null)
  }

  /** Only of the webhook that was looked at, which may have been registered anew meanwhile. */
  async function setHookHealth(projectId: string, hookId: number, health: HookHealth): Promise<void> {
    await projects.updateOne({ _id: projectId, 'hook.hookId': hookId }, { $set: { 'hook.health': health } })
  }

  /** The webhook is gone in GitLab: it is to be registered anew, its secrets are good until then. */
  async function loseHook(projectId: string, hookId: number, health: HookHealth): Promise<boolean> {
    const lost = { 'hook.state': 'pending' as const, 'hook.hookId': null, 'hook.health': health }
    const { matchedCount } = await projects.updateOne(
      { _id: projectId, 'hook.hookId': hookId },
      { $set: lost },
    )
    return matchedCount > 0
  }

  /** Only where the webhook has still the secret of `before` and stands as it did; else false. */
  async function replaceHook(projectId: string, before: ProjectHook, after: ProjectHook): Promise<boolean> {
    const { secretHash, state, hookId } = before
    const same = { 'hook.secretHash': secretHash, 'hook.state': state, 'hook.hookId': hookId }
    const { matchedCount } = await projects.updateOne(
      { _id: projectId, disconnectedAt: null, ...same } as Filter<ProjectDoc>,
      { $set: { hook: after } },
    )
    return matchedCount > 0
  }

  /** Projects whose webhook was last looked at before `before` or never, those first that wait longest. */
  async function listHooksToCheck(before: Date, limit: number): Promise<string[]> {
    const isDue = { $or: [{ 'hook.health.checkedAt': { $lt: before } }, { 'hook.health.checkedAt': null }] }
    const docs = await projects
      .find({ 'hook.state': 'registered', ...isThere, ...isDue } as Filter<ProjectDoc>)
      .project<{ _id: string }>({ _id: 1 })
      .sort({ 'hook.health.checkedAt': 1 })
      .limit(limit)
      .toArray()
    return docs.map((doc) => doc._id)
  }

  /** Of these projects those whose merge requests were last polled before the time for their kind, or never. */
  async function listToPoll(
    projectIds: string[],
    { hooked, hookless, limit }: { hooked: Date; hookless: Date; limit: number },
  ): Promise<string[]> {
    const never = { 'polled.at': null }
    const docs = await projects
      .find({
        _id: { $in: projectIds },
        ...isThere,
        $or: [
          { 'hook.state': 'registered', $or: [never, { 'polled.at': { $lt: hooked } }] },
          { 'hook.state': { $ne: 'registered' }, $or: [never, { 'polled.at': { $lt: hookless } }] },
        ],
      } as Filter<ProjectDoc>)
      .project<{ _id: string }>({ _id: 1 })
      .sort({ 'polled.at': 1 })
      .limit(limit)
      .toArray()
    return docs.map((doc) => doc._id)
  }

  async function setPolled(projectId: string, polled: PollMark): Promise<void> {
    await projects.updateOne({ _id: projectId }, { $set: { polled } })
  }

  return {
    findOfHook,
    findBySecretHash,
    claimHook,
    releaseHook,
    setHookHealth,
    loseHook,
    replaceHook,
    listHooksToCheck,
    listToPoll,
    setPolled,
  }
}
