import type { ComparedTable } from '../../domain/compared-table.js'
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
  sentence: string
  broken: BrokenView[]
  moreBroken: string | null
  accepted: { who: string; at: Date; reason: string; rules: string }[]
  /** How the broken rules are accepted; null where none is left to accept. */
  accept: { command: string } | null
}

interface BrokenView {
  state: 'broken' | 'warning' | 'accepted'
  name: string
  dataset: string
  result: string | null
  rule: string
  found: string
  key: string
}

export interface RulesView {
  sentence: string
  path: string
  commit: Link | null
  problems: string[]
  /** A first file; null where there is one. */
  starter: string | null
  edited: EditView | null
  exclusions: { name: string; dataset: string; where: string; commit: Link; who: string; reason: string }[]
}

interface EditView {
  changes: { what: string; scope: string | null; old: string; new: string; word: string }[]
  more: string | null
  problems: string[]
  sentence: string
}

const MAX_BROKEN = 100
const TEXT = 120

export interface GateInput {
  verdict: StoredVerdict
  mrIid: number
  headSha: string
  gitlabProjectId: number
  publicUrl: string
}

export function gateView(input: GateInput): GateView {
  const { verdict } = input
  const shown = verdict.broken.flatMap((one) =>
    one.shown === undefined ? [] : [{ ...one, shown: one.shown }],
  )
  const total = verdict.brokenTotal ?? verdict.broken.length
  const listed = shown.slice(0, MAX_BROKEN)
  const isOpen = verdict.broken.some(({ level, accepted }) => level === 'fail' && !accepted)
  return {
    sentence: gateSentence(verdict),
    broken: listed.map(brokenView),
    moreBroken:
      total > listed.length ? `${count(total - listed.length, 'more broken rule')} not shown.` : null,
    accepted: acceptances(shown),
    accept: isOpen ? { command: acceptCommand(input) } : null,
  }
}

function gateSentence({ state, broken, applied }: StoredVerdict): string {
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
  return applied === 0 && broken.length === 0 ? 'No gate is set' : `Gate passed${said}`
}

type Listed = StoredBroken & { shown: ShownBroken }

function brokenView({ key, level, accepted, shown }: Listed): BrokenView {
  const { kind, name, dataset, result, limit, withinNoise } = shown
  return {
    state: accepted ? 'accepted' : level === 'fail' ? 'broken' : 'warning',
    name,
    dataset,
    result: result?.name ?? null,
    rule: ruleText({ kind, result, limit: limit === null ? null : { text: limit } }),
    found: breachText({ kind, result, withinNoise }),
    key,
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

function acceptCommand({ publicUrl, gitlabProjectId, mrIid, headSha }: GateInput): string {
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
  const { state, path, commit, problems, edited, exclusions } = rules
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
    edited: edited && editView(path, edited),
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

function editView(path: string, edited: NonNullable<StoredRules['edited']>): EditView {
  const { changes, changesTotal, problems, state } = edited
  const words: Record<GateLevel, string> = {
    pass: 'would pass',
    warn: 'would pass with warnings',
    fail: 'would fail',
  }
  const rest = changesTotal - changes.length
  return {
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
