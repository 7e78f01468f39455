import type { Addresses } from '../domain/addresses.js'
import { identityOf } from '../domain/baseline.js'
import { toComparedTable } from '../domain/compared-table.js'
import type { Comparison, HistoryPoint } from '../domain/comparison.js'
import { type ToldExclusion, uploadKey, uploadOf, withoutExcluded } from '../domain/exclusions.js'
import { judge } from '../domain/judge.js'
import type { Model } from '../domain/model.js'
import { type RuleBook, rulesPath } from '../domain/rules.js'
import { toStoredRules, toStoredVerdict } from '../domain/stored-verdict.js'
import type { Acceptance, Verdict } from '../domain/verdict.js'
import { mainColumns } from '../render/columns.js'
import { renderLines } from '../render/lines.js'
import type { NoteInput, NoteRules } from '../render/note-input.js'
import { verdictText } from '../render/verdict.js'
import type { ComparisonStore, StoredComparison } from '../stores/comparison-store.js'
import type { DecisionStore, StoredExclusion } from '../stores/decision-store.js'
import type { Project } from '../stores/project-store.js'
import type { BaselinePools } from './baseline-pools.js'
import { compareModels, excludedHere, type Ground, type MergeRequestFacts } from './comparison-ground.js'
import { describePipeline } from './described-pipeline.js'
import { readEditedRules, unmatched } from './edited-rules.js'
import type { GitLabFeatures } from './gitlab-features.js'
import type { History } from './history.js'
import { type Head, type HeadReader, reportedJobs } from './merge-request-head.js'
import type { RulesAt, RulesReader } from './rules-reader.js'

const mostFailedJobs = 100

const notJudged: Verdict = { state: 'pass', broken: [], applied: 0 }

export interface ComparerOptions {
  readHead: HeadReader
  pools: BaselinePools
  history: History
  rulesReader: RulesReader
  features: GitLabFeatures
  decisions: Pick<DecisionStore, 'findAcceptances' | 'listExclusions'>
  comparisons: Pick<ComparisonStore, 'save'>
  addresses: Addresses
  clock: () => Date
}

/** What was compared, and whether the rules want a note of it. */
export interface Compared {
  input: NoteInput
  when: RulesAt['rules']['note']['when']
}

export interface Comparer {
  /** Asks GitLab for the rules, so that the comparison itself does not wait for it. */
  prepare(project: Project, of: { targetBranch: string; sha: string }): Promise<void>
  /** Compares a head with its baselines and keeps what is to be said: the jobs that reported wait for that.
   * Answers with all that the note says. */
  compare(project: Project, facts: MergeRequestFacts, head: Head): Promise<Compared>
}

export function createComparer(options: ComparerOptions): Comparer {
  const { readHead, pools, history, rulesReader, features, decisions, comparisons, addresses, clock } =
    options

  async function prepare(project: Project, { targetBranch, sha }: { targetBranch: string; sha: string }) {
    await Promise.all([rulesReader.atBranch(project, targetBranch), rulesReader.atCommit(project, sha)])
  }

  async function compareHead(project: Project, facts: MergeRequestFacts, head: Head): Promise<Compared> {
    const [rules, exclusions, acceptances] = await Promise.all([
      rulesReader.atBranch(project, facts.targetBranch),
      decisions.listExclusions(project.id, 'all'),
      decisions.findAcceptances(project.id, facts.iid, head.sha),
    ])
    const ground = await gather(project, facts, head, exclusions)
    const input = await noteInput(ground, rules, acceptances)
    await comparisons.save(toStored({ projectId: project.id, facts, head, input, judgedAt: clock() }))
    return { input, when: rules.rules.note.when }
  }

  async function gather(
    project: Project,
    facts: MergeRequestFacts,
    head: Head,
    exclusions: readonly StoredExclusion[],
  ): Promise<Ground> {
    const candidates = withoutExcluded(head.models, exclusions)
    const targetSha = head.pipelines.find((row) => row.targetSha !== null)?.targetSha ?? null
    const { pools: gathered, excluded } = await pools.gather({
      project,
      mergeRequest: facts,
      targetSha,
      candidates,
      exclusions,
    })
    const known = [...candidates, ...gathered.flatMap(({ models }) => models)]
    const identities = new Map(
      known.map(({ dataset, name }) => [identityOf({ dataset, name }), { dataset, name }]),
    )
    const points = await history.gather({
      project,
      targetBranch: facts.targetBranch,
      identities: [...identities.values()],
      exclusions,
    })
    return { project, facts, head, pools: gathered, excluded, history: points, exclusions }
  }

  async function noteInput(
    ground: Ground,
    rules: RulesAt,
    acceptances: readonly Acceptance[],
  ): Promise<NoteInput> {
    const { project, facts, head } = ground
    const { comparison, baselines } = compareModels(ground, head.models, rules.book)
    const pipeline = describePipeline(project, head, baselines)
    const isFinal = pipeline.state === 'finished'
    const excluded = excludedHere(ground)
    const judged = { comparison, rules: rules.book, acceptances, isFinal, excluded }
    const page = addresses.mergeRequest(project.path, facts.iid)
    const fork = isFork(project, facts)
    return {
      projectUrl: project.webUrl,
      targetBranch: facts.targetBranch,
      headSha: head.sha,
      isFork: fork,
      pipeline,
      comparison,
      rules: rulesForNote(rules, comparison),
      // Nothing of a fork's code is a gate of this project.
      verdict: fork ? notJudged : verdictOf(judge(judged), rules),
      editedRules: fork ? null : await readEditedRules(rulesReader, { ground, rules, acceptances, isFinal }),
      exclusions: exclusionsForNote(ground, comparison),
      groupBy: rules.rules.note.groupBy,
      previous: await previousComparison(ground, rules.book),
      drawsCharts: comparison.rows.some(hasLongHistory) && (await features.drawsCharts()),
      links: {
        model: (model) => addresses.model(project.path, model),
        comparison: page,
        accept: `${page}#accept`,
        rules: `${page}#rules`,
      },
    }
  }

  async function previousComparison({ project, facts, ...ground }: Ground, book: RuleBook) {
    const { previousHeadSha: before } = facts
    const previous = before === null ? null : await readHead(project, { ...facts, sha: before })
    if (previous === null || previous.models.length === 0) return null
    const { comparison } = compareModels({ project, facts, ...ground }, previous.models, book)
    return { headSha: previous.sha, comparison }
  }

  return { prepare, compare: compareHead }
}

function isFork(project: Project, { sourceProjectId }: MergeRequestFacts): boolean {
  return sourceProjectId !== null && sourceProjectId !== project.gitlabProjectId
}

function hasLongHistory({ history }: { history: readonly HistoryPoint[] }): boolean {
  return history.length >= 5
}

function rulesForNote(rules: RulesAt, comparison: Comparison): NoteRules {
  const { state, commit, problems } = rules
  const all = state === 'read' ? [...problems, ...unmatched(rules, comparison)] : problems
  return { state, path: rulesPath, commit, problems: all }
}

/** What gates there are, nobody can say. */
function verdictOf(verdict: Verdict, { state }: RulesAt): Verdict {
  return state === 'unreadable' && verdict.state === 'pass' ? { ...verdict, state: 'warn' } : verdict
}

/** Of those, the ones that this comparison would have shown. */
function exclusionsForNote({ head, excluded, exclusions }: Ground, { rows }: Comparison): ToldExclusion[] {
  const compared = new Set(rows.map(identityOf))
  const here = keysOf(head.models)
  const before = keysOf(excluded.filter((model) => compared.has(identityOf(model))))
  return exclusions.flatMap((exclusion) => {
    const { dataset, name, commit, username, reason } = exclusion
    const key = uploadKey(exclusion)
    const side = here.has(key) ? 'here' : before.has(key) ? 'baseline' : null
    return side === null ? [] : [{ dataset, name, side, commit, username, reason }]
  })
}

function keysOf(models: readonly Model[]): Set<string> {
  return new Set(models.map((model) => uploadKey(uploadOf(model))))
}

interface Judged {
  projectId: string
  facts: MergeRequestFacts
  head: Head
  input: NoteInput
  judgedAt: Date
}

function toStored({ projectId, facts, head, input, judgedAt }: Judged): StoredComparison {
  return {
    projectId,
    mrIid: facts.iid,
    mrState: facts.state,
    mrUrl: facts.webUrl,
    sourceBranch: facts.sourceBranch,
    sourceProjectId: facts.sourceProjectId,
    targetBranch: facts.targetBranch,
    baseSha: facts.baseSha,
    commitsBehind: facts.commitsBehind,
    headSha: head.sha,
    previousHeadSha: facts.previousHeadSha,
    jobIds: reportedJobs(head),
    summary: verdictText(input),
    lines: renderLines(input),
    table: toComparedTable(input.comparison, mainColumns(input.comparison)),
    pipeline: { ...input.pipeline, failedJobs: input.pipeline.failedJobs.slice(0, mostFailedJobs) },
    verdict: toStoredVerdict(input.verdict),
    rules: toStoredRules(input),
    judgedAt,
  }
}
