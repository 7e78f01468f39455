import { type Collection, type Db, ObjectId } from 'mongodb'
import type { ExcludedUpload } from '../domain/exclusions.js'
import type { Acceptance } from '../domain/verdict.js'
import { isDuplicateKey } from './database.js'

/** Who decided, when, and until when it held. Rows that no longer hold are kept. */
interface Decided {
  gitlabUserId: number
  username: string
  reason: string
  at: Date
  /** Null while it holds. */
  revokedAt: Date | null
  revokedBy: { gitlabUserId: number; username: string } | null
}

/** Broken rules that may be broken at one head. */
export interface StoredAcceptance extends Acceptance, Decided {
  projectId: string
  mrIid: number
}

/** An upload that is left out of every comparison. */
export interface StoredExclusion extends ExcludedUpload, Decided {
  projectId: string
  dataset: string
  name: string
  commit: string
}

type AcceptanceDoc = StoredAcceptance & { _id: ObjectId; schema: 1; kind: 'acceptance' }
type ExclusionDoc = StoredExclusion & { _id: ObjectId; schema: 1; kind: 'exclusion' }
type DecisionDoc = AcceptanceDoc | ExclusionDoc

export type Decider = NonNullable<Decided['revokedBy']>
type NewDecision<T extends Decided> = Omit<T, 'revokedAt' | 'revokedBy'>

const mostListed = 1_000
/** As many as the models that are read for one comparison. */
const mostExclusions = 5_000
const acceptTries = 10

export function decisionCollection(db: Db): Collection<DecisionDoc> {
  return db.collection<DecisionDoc>('decisions')
}

/** At most one decision that holds for each broken rule at a head, and for each upload. */
export const decisionIndexes = [
  {
    key: { projectId: 1, mrIid: 1, headSha: 1, keys: 1 },
    unique: true,
    partialFilterExpression: { kind: 'acceptance', revokedAt: null },
    name: 'accepted_once',
  },
  {
    key: { projectId: 1, modelId: 1, jobId: 1 },
    unique: true,
    partialFilterExpression: { kind: 'exclusion', revokedAt: null },
    name: 'excluded_once',
  },
  { key: { projectId: 1, kind: 1, at: -1 }, name: 'newest' },
] as const

export function createDecisionStore(db: Db) {
  const decisions = decisionCollection(db)
  return {
    /** Those that hold at this head, the oldest first. */
    findAcceptances: (projectId: string, mrIid: number, headSha: string) =>
      findAcceptances(decisions, { projectId, mrIid, headSha }),
    /** Accepts those keys that are not accepted yet at the head; whether there were any. */
    accept: (acceptance: NewDecision<StoredAcceptance>) => accept(decisions, acceptance),
    /** Ends what holds at any head of the merge request; answers how many rows. */
    withdraw: (projectId: string, mrIid: number, by: Decider, at: Date) =>
      revoke(decisions, { kind: 'acceptance', projectId, mrIid }, by, at),
    /** Excludes the upload; false where it was excluded already. */
    exclude: (exclusion: NewDecision<StoredExclusion>) => exclude(decisions, exclusion),
    /** Takes every exclusion of the model back; answers how many rows. */
    include: (projectId: string, modelId: string, by: Decider, at: Date) =>
      revoke(decisions, { kind: 'exclusion', projectId, modelId }, by, at),
    /** Those that hold in a project, or for models with these ids. */
    listExclusions: (projectId: string, of: { modelIds: string[] } | 'all') =>
      listExclusions(decisions, projectId, of),
    /** Those of a merge request with all that ended, the newest first. */
    listAcceptanceHistory: (projectId: string, mrIid: number) =>
      listHistory<AcceptanceDoc>(decisions, { kind: 'acceptance', projectId, mrIid }),
    /** Those of a model with all that ended, the newest first. */
    listExclusionHistory: (projectId: string, modelId: string) =>
      listHistory<ExclusionDoc>(decisions, { kind: 'exclusion', projectId, modelId }),
  }
}

export type DecisionStore = ReturnType<typeof createDecisionStore>

async function findAcceptances(
  decisions: Collection<DecisionDoc>,
  of: { projectId: string; mrIid: number; headSha: string },
): Promise<StoredAcceptance[]> {
  const docs = await decisions
    .find({ kind: 'acceptance', ...of, revokedAt: null })
    .sort({ at: 1, _id: 1 })
    .limit(mostListed)
    .toArray()
  return (docs as AcceptanceDoc[]).map(fromDoc)
}

/** The index refuses a row with a key that another row has: then the rest of the keys is tried. */
async function accept(
  decisions: Collection<DecisionDoc>,
  acceptance: NewDecision<StoredAcceptance>,
): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    const held = new Set((await findAcceptances(decisions, headOf(acceptance))).flatMap(({ keys }) => keys))
    const keys = [...new Set(acceptance.keys)].filter((key) => !held.has(key))
    if (keys.length === 0) return false
    try {
      await decisions.insertOne(newDoc('acceptance', { ...acceptance, keys }) as AcceptanceDoc)
      return true
    } catch (error) {
      if (!isDuplicateKey(error) || tries >= acceptTries) throw error
    }
  }
}

function headOf({ projectId, mrIid, headSha }: Pick<StoredAcceptance, 'projectId' | 'mrIid' | 'headSha'>) {
  return { projectId, mrIid, headSha }
}

async function exclude(
  decisions: Collection<DecisionDoc>,
  exclusion: NewDecision<StoredExclusion>,
): Promise<boolean> {
  try {
    await decisions.insertOne(newDoc('exclusion', exclusion) as ExclusionDoc)
    return true
  } catch (error) {
    if (!isDuplicateKey(error)) throw error
    return false
  }
}

function newDoc<K extends string, T>(kind: K, decision: T) {
  return { _id: new ObjectId(), schema: 1 as const, kind, ...decision, revokedAt: null, revokedBy: null }
}

async function revoke(
  decisions: Collection<DecisionDoc>,
  which:
    | Pick<AcceptanceDoc, 'kind' | 'projectId' | 'mrIid'>
    | Pick<ExclusionDoc, 'kind' | 'projectId' | 'modelId'>,
  by: Decider,
  at: Date,
): Promise<number> {
  const change = { $set: { revokedAt: at, revokedBy: by } }
  return (await decisions.updateMany({ ...which, revokedAt: null }, change)).modifiedCount
}

async function listExclusions(
  decisions: Collection<DecisionDoc>,
  projectId: string,
  of: { modelIds: string[] } | 'all',
): Promise<StoredExclusion[]> {
  const docs = await decisions
    .find({
      kind: 'exclusion',
      projectId,
      revokedAt: null,
      ...(of !== 'all' && { modelId: { $in: of.modelIds } }),
    })
    .limit(mostExclusions)
    .toArray()
  return (docs as ExclusionDoc[]).map(fromDoc)
}

async function listHistory<T extends DecisionDoc>(
  decisions: Collection<DecisionDoc>,
  which: Partial<T> & Pick<T, 'kind' | 'projectId'>,
): Promise<Omit<T, '_id' | 'schema' | 'kind'>[]> {
  const docs = await decisions
    .find<T>({ ...which })
    .sort({ at: -1, _id: -1 })
    .limit(mostListed)
    .toArray()
  return docs.map(fromDoc)
}

function fromDoc<T extends DecisionDoc>({ _id: _, schema: __, kind: ___, ...rest }: T) {
  return rest
}
