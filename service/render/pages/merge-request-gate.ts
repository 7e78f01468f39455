import type { Addresses } from '../../domain/addresses.js'
import { identityOf } from '../../domain/baseline.js'
import type { ComparedRow, ComparedTable } from '../../domain/compared-table.js'
import type { GitLabAddresses } from '../../domain/gitlab-addresses.js'
import type { RuleChange } from '../../domain/rule-changes.js'
import type { GateLevel, RulesProblem } from '../../domain/rules.js'
import type { ShownBroken, StoredBroken, StoredRules, StoredVerdict } from '../../domain/stored-verdict.js'
import { breachText, ruleText } from '../broken-rule.js'
import { problemLine } from '../rules-problem.js'
import { visibleText } from '../text.js'
import { count } from '../verdict.js'
import { commitLink, type Link } from './common.js'

/** What the rules say of a comparison. */
export interface GateView {
  /** Whether any rule was applied. */
  isSet: boolean
  sentence: string
  broken: BrokenView[]
  moreBroken: string | null
  accepted: { who: string; at: Date; reason: string; rules: string }[]
  /** Where the rules are, at the commit of the target branch that they were read from. */
  source: { path: string; commit: Link; branch: string } | null
  /** How the broken rules are accepted; null where none is left to accept. */
  accept: AcceptView | null
  /** Takes back what was accepted; null for who may not, and where nothing was. */
  withdrawHref: string | null
}

interface AcceptView {
  command: string
  /** Null for who may not. */
  form: { action: string; headSha: string } | null
  failed: string
}

interface BrokenView {
  state: 'broken' | 'warning' | 'accepted'
  name: string
  dataset: string
  result: string | null
  rule: string
  found: string
  key: string
  from: FromView
}

/** Where the values come from; null where there is none. */
interface FromView {
  before: Link | null
  here: Link | null
  job: Link | null
}

export interface RulesView {
  sentence: string
  path: string
  commit: Link | null
  problems: string[]
  /** A first file; null where there is one. */
  starter: string | null
  exclusions: { name: string; dataset: string; where: string; commit: Link; who: string; reason: string }[]
}

export interface EditView {
  path: string
  changes: { what: string; scope: string | null; old: string; new: string; word: string }[]
  more: string | null
  problems: string[]
  sentence: string
  broken: Omit<BrokenView, 'key' | 'from'>[]
  moreBroken: string | null
}

const MAX_BROKEN = 100
const TEXT = 120

export interface GateInput {
  verdict: StoredVerdict
  mrIid: number
  mrState: string
  headSha: string
  project: { id: string; gitlabProjectId: number }
  mayAccept: boolean
  rules?: StoredRules
  table: ComparedTable
  targetBranch: string
  publicUrl: string
  addresses: Addresses
  gitlab: GitLabAddresses | null
}

export function gateView(input: GateInput): GateView {
  const { verdict } = input
  const shown = verdict.broken.flatMap((one) =>
    one.shown === undefined ? [] : [{ ...one, shown: one.shown }],
  )
  const total = verdict.brokenTotal ?? verdict.broken.length
  const listed = shown.slice(0, MAX_BROKEN)
  const rows = new Map(input.table.rows.map((row) => [identityOf(row), row]))
  const from = ({ shown }: Listed) => fromView(rows.get(identityOf(shown)), shown, input.gitlab)
  return {
    isSet: verdict.applied !== 0 || verdict.broken.length > 0,
    sentence: gateSentence(verdict),
    broken: listed.map((one) => ({ ...brokenView(one), key: one.key, from: from(one) })),
    moreBroken:
      total > listed.length ? `${count(total - listed.length, 'more broken rule')} not shown.` : null,
    accepted: acceptances(shown),
    source: sourceOf(input),
    accept: acceptView(input),
    withdrawHref: withdrawHref(input),
  }
}

function sourceOf({ rules, targetBranch, gitlab }: GateInput): GateView['source'] {
  if (rules?.state !== 'read' || rules.commit === null) return null
  return { path: rules.path, commit: commitLink(rules.commit, gitlab), branch: targetBranch }
}

function acceptView(input: GateInput): AcceptView | null {
  const { verdict, mayAccept, project, mrIid, headSha, addresses } = input
  const failed = verdict.broken.filter(({ level, accepted }) => level === 'fail' && !accepted).length
  if (failed === 0 || !isStillOpen(input)) return null
  const action = addresses.decideOn(project.id, mrIid, 'accept')
  return {
    command: acceptCommand(input),
    form: mayAccept ? { action, headSha } : null,
    failed: count(failed, 'broken rule'),
  }
}

function isStillOpen({ mrState }: GateInput): boolean {
  return mrState === 'opened' || mrState === 'locked'
}

function withdrawHref(input: GateInput): string | null {
  const { verdict, mayAccept, project, mrIid, addresses } = input
  const isAccepted = verdict.broken.some(({ accepted }) => accepted)
  if (!isAccepted || !mayAccept || !isStillOpen(input)) return null
  return addresses.decideOn(project.id, mrIid, 'withdraw')
}

function fromView(
  row: ComparedRow | undefined,
  { result }: ShownBroken,
  gitlab: GitLabAddresses | null,
): FromView {
  const { here = null, baseline = null } = row ?? {}
  const job = here?.job
  return {
    before: baseline === null || result?.old === null ? null : commitLink(baseline.commit, gitlab),
    here: here === null ? null : commitLink(here.commit, gitlab),
    job: job === undefined ? null : { text: job.name, href: gitlab?.job(job.id) ?? null },
  }
}

function gateSentence({ state, broken }: StoredVerdict): string {
  const open = broken.filter(({ accepted }) => !accepted)
  const accepted = broken.length - open.length
  const failed = open.filter(({ level }) => level === 'fail').length
  const parts = [
    ...(failed > 0 ? [`${count(failed, 'rule')} broken`] : []),
    ...(open.length > failed ? [count(open.length - failed, 'warning')] : []),
    ...(accepted > 0 ? [`${count(accepted, 'broken rule')} accepted`] : []),
  ]
  const said = parts.length === 0 ? '' : `: ${parts.join(', ')}`
  if (state === 'fail') return `Gate failed${said}`
  if (state === 'warn') return `Gate passed with warnings${said}`
  return `Gate passed${said}`
}

type Listed = StoredBroken & { shown: ShownBroken }

function brokenView({ level, accepted, shown }: Omit<Listed, 'key'>): Omit<BrokenView, 'key' | 'from'> {
  const { kind, name, dataset, result, limit, withinNoise } = shown
  return {
    state: accepted ? 'accepted' : level === 'fail' ? 'broken' : 'warning',
    name,
    dataset,
    result: result?.name ?? null,
    rule: ruleText({ kind, result, limit: limit === null ? null : { text: limit } }),
    found: breachText({ kind, result, withinNoise }),
  }
}

/** One for each decision, whatever the number of rules that it is about. */
function acceptances(shown: readonly Listed[]): GateView['accepted'] {
  const decisions = new Map<string, { acceptance: NonNullable<ShownBroken['acceptance']>; rules: number }>()
  for (const {
    shown: { acceptance },
  } of shown) {
    if (acceptance === null) continue
    const key = JSON.stringify([acceptance.username, acceptance.at, acceptance.reason])
    decisions.set(key, { acceptance, rules: (decisions.get(key)?.rules ?? 0) + 1 })
  }
  return [...decisions.values()].map(({ acceptance: { username, at, reason }, rules }) => ({
    who: username,
    at,
    reason,
    rules: count(rules, 'rule'),
  }))
}

function acceptCommand({ publicUrl, project: { gitlabProjectId }, mrIid, headSha }: GateInput): string {
  const url = `${publicUrl}/api/v1/projects/${gitlabProjectId}/merge_requests/${mrIid}/acceptance`
  const body = JSON.stringify({ head_sha: headSha, reason: 'why this is fine' })
  return `curl -H "Authorization: Bearer $MLMM_TOKEN" -H 'Content-Type: application/json' -d '${body}' ${url}`
}

export interface RulesInput {
  rules: StoredRules
  table: ComparedTable
  targetBranch: string
  gitlab: GitLabAddresses | null
}

export function rulesView({ rules, table, targetBranch, gitlab }: RulesInput): RulesView {
  const { state, path, commit, problems, exclusions } = rules
  const branch = visibleText(targetBranch, TEXT)
  const sentences = {
    none: `There is none on ${branch}: directions come from the names of results, and no gate is set.`,
    read: `As on ${branch}.`,
    unreadable:
      'It has errors, so that none of it holds: directions come from the names of results, and no gate is set.',
  }
  return {
    sentence: sentences[state],
    path,
    commit: commit === null ? null : commitLink(commit, gitlab),
    problems: problemTexts(path, problems),
    starter: state === 'none' ? starterRules(table) : null,
    exclusions: exclusions.map(({ name, dataset, side, commit, username, reason }) => ({
      name,
      dataset,
      where: side === 'here' ? 'of this head' : 'of what it would be compared with',
      commit: commitLink(commit, gitlab),
      who: username,
      reason,
    })),
  }
}

function problemTexts(path: string, problems: readonly RulesProblem[]): string[] {
  return problems.map((problem) => visibleText(problemLine(path, problem), 500))
}

export function editedView({ rules }: { rules?: StoredRules }): EditView | null {
  return rules?.edited ? editView(rules.path, rules.edited) : null
}

function editView(path: string, edited: NonNullable<StoredRules['edited']>): EditView {
  const { changes, changesTotal, problems, state, broken = [], brokenTotal = 0 } = edited
  const words: Record<GateLevel, string> = {
    pass: 'would pass',
    warn: 'would pass with warnings',
    fail: 'would fail',
  }
  const rest = changesTotal - changes.length
  const restBroken = brokenTotal - broken.length
  return {
    path,
    broken: broken.map((shown) => brokenView({ level: shown.level, accepted: false, shown })),
    moreBroken: restBroken > 0 ? `${count(restBroken, 'more broken rule')} not shown.` : null,
    changes: changes.map(changeView),
    more: rest > 0 ? `${count(rest, 'more change')} not shown.` : null,
    problems: problemTexts(path, problems),
    sentence:
      state === null
        ? 'That applies after merging. The new file cannot be applied.'
        : `That applies after merging. With the new rules, the gate ${words[state]}.`,
  }
}

function changeView({
  subject,
  scope,
  field,
  old,
  new: current,
  weaker,
}: RuleChange): EditView['changes'][number] {
  const about = [...(scope?.models ?? []), ...(scope?.datasets ?? [])]
  return {
    what: visibleText(subject === '' ? field : `${subject}: ${field}`, TEXT),
    scope: about.length === 0 ? null : visibleText(about.join(', '), TEXT),
    old: visibleText(old ?? 'not set', TEXT),
    new: visibleText(current ?? 'not set', TEXT),
    word: weaker === null ? '' : weaker ? 'lets more through' : 'lets less through',
  }
}

/** A first file for what was reported: a drop by more than noise usually is fails, of what is no fraction warns. */
function starterRules({ columns }: ComparedTable): string {
  const lines = columns.map(({ name, direction, percent }) => {
    const key = /^[A-Za-z][\w.]*$/.test(name) ? name : JSON.stringify(visibleText(name, TEXT))
    if (direction === 'unknown') return `  # ${key}: {better: higher}   # or lower`
    return percent
      ? `  ${key}: {better: ${direction}, format: percent, tolerance: 0.2pp, fail: {worse_by: 1pp}}`
      : `  ${key}: {better: ${direction}, tolerance: 1%, warn: {worse_by: 5%}}`
  })
  const known = columns.some(({ direction }) => direction !== 'unknown')
  return [known ? 'results:' : 'results: {}', ...lines].join('\n')
}
