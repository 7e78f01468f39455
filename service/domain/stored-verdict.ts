import type { ToldExclusion } from './exclusions.js'
import type { ComparedResult } from './comparison.js'
import type { RuleChange } from './rule-changes.js'
import type { GateLevel, RulesProblem } from './rules.js'
import type { Acceptance, BrokenKind, BrokenRule, Verdict } from './verdict.js'

/** What is kept of a verdict. Rows of older versions hold keys, levels and `accepted` alone. */
export interface StoredVerdict {
  state: GateLevel
  /** How many rules were applied. */
  applied?: number
  /** Fails first, accepted ones last. The first ones hold what their page shows. */
  broken: StoredBroken[]
  /** How many there are. */
  brokenTotal?: number
}

export interface StoredBroken {
  key: string
  level: 'warn' | 'fail'
  accepted: boolean
  shown?: ShownBroken
}

export interface ShownBroken {
  kind: BrokenKind
  dataset: string
  name: string
  /** Null for rules about a whole model. */
  result: ComparedResult | null
  /** As the rules write it. */
  limit: string | null
  withinNoise: boolean
  acceptance: { username: string; reason: string; at: Date } | null
}

/** The rules that held, and what people left out, for the page of a comparison. */
export interface StoredRules {
  state: 'none' | 'read' | 'unreadable'
  path: string
  /** The target branch's head when they were read. */
  commit: string | null
  problems: RulesProblem[]
  /** Null where the merge request does not touch them. */
  edited: StoredEdit | null
  exclusions: ToldExclusion[]
}

interface StoredEdit {
  changes: RuleChange[]
  changesTotal: number
  problems: RulesProblem[]
  /** What the edited rules would say; null where they cannot be read, or are gone. */
  state: GateLevel | null
  /** What they would find broken, not accepted here; absent in rows of older versions. */
  broken?: (ShownBroken & Pick<StoredBroken, 'level'>)[]
  brokenTotal?: number
}

/** More can hardly be read, but every key is kept up to here, as only what is kept can be accepted. */
const MAX_BROKEN = 10_000
const MAX_SHOWN = 200
const MAX_LISTED = 100
const MAX_EDITED = 50

export function toStoredVerdict({ state, applied, broken }: Verdict): StoredVerdict {
  return {
    state,
    applied,
    broken: broken.slice(0, MAX_BROKEN).map((one, index) => ({
      key: one.key,
      level: one.level,
      accepted: one.acceptance !== null,
      ...(index < MAX_SHOWN && { shown: toShown(one) }),
    })),
    brokenTotal: broken.length,
  }
}

/** The verdict as it is with these acceptances of its head, which may be newer than what is kept. */
export function withAcceptances(verdict: StoredVerdict, acceptances: readonly Acceptance[]): StoredVerdict {
  const byKey = new Map(
    acceptances.flatMap(({ keys, username, reason, at }) =>
      keys.map((key) => [key, { username, reason, at }]),
    ),
  )
  const broken = verdict.broken.map(({ shown, ...one }) => {
    const acceptance = byKey.get(one.key) ?? null
    return { ...one, accepted: acceptance !== null, ...(shown && { shown: { ...shown, acceptance } }) }
  })
  const open = broken.filter(({ accepted }) => !accepted)
  // What is not kept cannot be accepted.
  const isCut = (verdict.brokenTotal ?? broken.length) > broken.length
  const state = open.some(({ level }) => level === 'fail') ? 'fail' : open.length > 0 ? 'warn' : 'pass'
  return { ...verdict, broken, state: isCut ? verdict.state : state }
}

function toShown({ kind, dataset, name, result, limit, withinNoise, acceptance }: BrokenRule): ShownBroken {
  return {
    kind,
    dataset,
    name,
    result,
    limit: limit?.text ?? null,
    withinNoise,
    acceptance: acceptance && {
      username: acceptance.username,
      reason: acceptance.reason,
      at: acceptance.at,
    },
  }
}

/** What a note says of rules and exclusions. */
interface Said {
  rules: Pick<StoredRules, 'state' | 'path' | 'commit' | 'problems'>
  editedRules: { changes: RuleChange[]; problems: RulesProblem[]; verdict: Verdict | null } | null
  exclusions: readonly ToldExclusion[]
}

export function toStoredRules({ rules, editedRules, exclusions }: Said): StoredRules {
  const { state, path, commit, problems } = rules
  return {
    state,
    path,
    commit,
    problems: problems.slice(0, MAX_LISTED),
    edited: editedRules && {
      changes: editedRules.changes.slice(0, MAX_LISTED),
      changesTotal: editedRules.changes.length,
      problems: editedRules.problems.slice(0, MAX_LISTED),
      ...editedVerdict(editedRules.verdict),
    },
    exclusions: exclusions.slice(0, MAX_LISTED).map(({ dataset, name, side, commit, username, reason }) => ({
      dataset,
      name,
      side,
      commit,
      username,
      reason,
    })),
  }
}

function editedVerdict(verdict: Verdict | null): Pick<StoredEdit, 'state' | 'broken' | 'brokenTotal'> {
  if (verdict === null) return { state: null }
  const broken = verdict.broken.filter(({ acceptance }) => acceptance === null)
  const shown = broken.slice(0, MAX_EDITED).map((one) => ({ ...toShown(one), level: one.level }))
  return { state: verdict.state, broken: shown, brokenTotal: broken.length }
}
