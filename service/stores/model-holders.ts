import type { ClientSession, Collection } from 'mongodb'
import type { AnyModelDoc } from './model-documents.js'

/** `stored`: this upload is what readers see. `superseded`: a newer try of the job has stored the model already.
 * `duplicate`: another job of the same pipeline holds the identity; nothing was written. `too_large`: MongoDB takes no
 * document of this size; nothing was written. */
export type SaveOutcome =
  | { kind: 'stored' }
  | { kind: 'superseded' }
  | { kind: 'duplicate'; doc: AnyModelDoc; jobName: string }
  | { kind: 'too_large'; doc: AnyModelDoc }

/** What is known of the upload that stands for a model. */
export type Holder = Pick<
  AnyModelDoc,
  '_id' | 'projectId' | 'jobId' | 'jobName' | 'upload' | 'curves' | 'block'
>

const holderFields = { projectId: 1, jobId: 1, jobName: 1, upload: 1, curves: 1, block: 1 } as const

export async function findHolders(
  models: Collection<AnyModelDoc>,
  ids: string[],
  session?: ClientSession,
): Promise<Map<string, Holder>> {
  const found = await models
    .find<Holder>({ _id: { $in: ids } }, { session, projection: holderFields })
    .toArray()
  return new Map(found.map((holder) => [holder._id, holder]))
}

/** What becomes of `doc` beside the one that stands there; null where it may replace it. */
export function standing(
  doc: AnyModelDoc,
  holder: Pick<Holder, 'jobId' | 'jobName' | 'upload'>,
): SaveOutcome | null {
  if (holder.upload.equals(doc.upload)) return { kind: 'stored' }
  // What a person reports has no job: the later report replaces the earlier one.
  if (holder.jobName === null || holder.jobId === null || doc.jobId === null) return null
  if (holder.jobName !== doc.jobName) return { kind: 'duplicate', doc, jobName: holder.jobName }
  return holder.jobId > doc.jobId ? { kind: 'superseded' } : null
}
