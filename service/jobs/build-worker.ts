import { randomBytes, randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import { createAddresses } from '../domain/addresses.js'
import type { GitLab } from '../gitlab/port.js'
import { createHookRegistration } from '../connection/hook-registration.js'
import type { Speakers } from '../connection/speakers.js'
import type { Sealer } from '../stores/sealing.js'
import type { Stores } from '../stores/stores.js'
import { createAskProjectJob } from './ask-project.js'
import { createBaselinePools } from './baseline-pools.js'
import { createCarryOver } from './carry-over.js'
import { namingCause, passingCause, withCause } from './cause.js'
import { createCleanNoteJob } from './clean-note.js'
import { createCommitStatusWriter } from './commit-status.js'
import { createComparer } from './comparer.js'
import { createDeletePersonJob } from './delete-person.js'
import { createDeleteProjectJob } from './delete-project.js'
import { createGitLabFeatures } from './gitlab-features.js'
import { createHistory } from './history.js'
import { createHookHealthJob } from './hook-health.js'
import { createHookJob } from './hook.js'
import { createHeadPipelines, createHeadReader } from './merge-request-head.js'
import { createNoteCheckJob } from './note-check.js'
import { createNoteJob } from './note.js'
import { createNoteWriter } from './note-writer.js'
import { createPipelineJob } from './pipeline.js'
import { createPollJob } from './poll.js'
import type { Queue } from './queue.js'
import { createReconcileJob } from './reconcile.js'
import { createRenewBotJob } from './renew-bot.js'
import { createResealJob } from './reseal.js'
import { createRulesReader } from './rules-reader.js'
import { createSealJob } from './seal.js'
import { createWorker, type Worker } from './worker.js'

const jobsAtOnce = 8

export interface WorkerParts {
  publicUrl: string
  /** Signs the marker of our notes. */
  signingKey: string
  sealer: Sealer
  stores: Stores
  gitlab: GitLab
  speakers: Pick<Speakers, 'findKeeper' | 'findFormer' | 'forget'>
  gitlabTimeoutMs: number
  queue: Queue
  clock: () => Date
  log: FastifyBaseLogger
}

/** The worker with a handler for every type of job. */
export function buildWorker(parts: WorkerParts): Worker {
  const { publicUrl, signingKey, sealer, stores, speakers, gitlabTimeoutMs, clock, log } = parts
  const gitlab = namingCause(parts.gitlab)
  const queue = passingCause(parts.queue)
  const writer = createNoteWriter({
    gitlab,
    findFormer: speakers.findFormer,
    store: stores.notes,
    signingKey,
    clock,
    randomNonce: () => randomBytes(16).toString('hex'),
    requestTimeoutMs: gitlabTimeoutMs,
  })
  const shared = { ...stores, gitlab, queue, clock, writer, addresses: createAddresses(publicUrl), publicUrl }
  const listPipelines = createHeadPipelines(shared)
  const readHead = createHeadReader({ ...shared, listPipelines })
  const carryOvers = createCarryOver(shared)
  const pools = createBaselinePools({ ...shared, carryOvers })
  const comparer = createComparer({
    ...shared,
    readHead,
    pools,
    history: createHistory({ ...shared, carryOvers }),
    rulesReader: createRulesReader(shared),
    features: createGitLabFeatures(shared),
  })
  const writeStatus = createCommitStatusWriter({ ...shared, requestTimeoutMs: gitlabTimeoutMs })
  return createWorker({
    store: stores.jobs,
    queue,
    concurrency: jobsAtOnce,
    processId: randomUUID(),
    log,
    monotonicNowMs: () => performance.now(),
    handlers: {
      pipeline: withCause(createPipelineJob(shared)),
      note: withCause(
        createNoteJob({ ...shared, listPipelines, readHead, comparer, writeStatus, carryOvers }),
      ),
      'note-check': createNoteCheckJob(shared),
      'clean-note': createCleanNoteJob({ ...shared, readHead }),
      'delete-project': createDeleteProjectJob(shared),
      'delete-person': createDeletePersonJob(shared),
      hook: createHookJob({ ...shared, registerHook: createHookRegistration({ ...shared, sealer }) }),
      'hook-health': createHookHealthJob(shared),
      'renew-bot': createRenewBotJob({ ...shared, speakers, sealer }),
      reseal: createResealJob({ ...shared, sealer }),
      seal: createSealJob(shared),
      poll: createPollJob(shared),
      'ask-project': createAskProjectJob(shared),
      reconcile: createReconcileJob(shared),
    },
  })
}
