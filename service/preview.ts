import type { Baseline } from './domain/baseline.js'
import { baselinesFor, compare } from './domain/compare.js'
import type { Comparison } from './domain/comparison.js'
import { summariseCurve } from './domain/curve-summary.js'
import { judge } from './domain/judge.js'
import type { Model } from './domain/model.js'
import { createRuleBook } from './domain/rule-book.js'
import { type KnownNames, unmatchedPatterns } from './domain/rule-matches.js'
import { noRules, type RuleBook, type RulesProblem } from './domain/rules.js'
import type { Verdict } from './domain/verdict.js'
import type { ReportedModel } from './ingest/report.js'
import { readRules } from './ingest/rules-file.js'
import { renderLines } from './render/lines.js'
import { renderNote } from './render/note.js'
import type { NoteInput, NoteRules } from './render/note-input.js'
import { verdictText } from './render/verdict.js'

/** The word for the branch that the base stands for. */
const targetBranch = 'main'

/** Models of one side, and the word for where they are from. */
export interface PreviewSide {
  source: string
  models: ReportedModel[]
}

export interface PreviewInput {
  /** What the target branch has; null for a first report. */
  base: PreviewSide | null
  head: PreviewSide
  /** The text of `.mlmm.yml`; null where there is none. */
  rules: string | null
}

export interface Preview {
  /** Markdown as it would be posted, without the links that only a merge request has. */
  note: string
  /** The same for a job's log. */
  lines: string[]
  /** One sentence of our own words. */
  summary: string
  verdict: Verdict
  /** What is wrong in the rules file, or matches nothing. */
  problems: RulesProblem[]
  /** The file has errors, so that none of its rules was applied. */
  areRulesUnreadable: boolean
}

/** Compares, judges and renders two reports as the service does for a merge request. Reads nothing but its input. */
export function preview({ base, head, rules }: PreviewInput): Preview {
  const known = readNoteRules(rules)
  const comparison = compareSides(base, head, known.book)
  const problems = [...known.problems, ...unmatchedPatterns(known.book.rules, namesIn(comparison))]
  const verdict = judge({ comparison, rules: known.book, acceptances: [], isFinal: true })
  const input = noteInput({
    comparison,
    verdict,
    rules: { state: known.state, path: '.mlmm.yml', commit: null, problems },
    groupBy: known.book.rules.note.groupBy,
    base,
    head,
  })
  return {
    note: renderNote(input),
    lines: renderLines(input),
    summary: verdictText(input),
    verdict,
    problems,
    areRulesUnreadable: known.state === 'unreadable',
  }
}

interface ReadRules extends Pick<NoteRules, 'state' | 'problems'> {
  book: RuleBook
}

function readNoteRules(text: string | null): ReadRules {
  if (text === null) return { state: 'none', problems: [], book: createRuleBook(noRules) }
  const { rules, problems } = readRules(text)
  const state = rules === null ? 'unreadable' : 'read'
  return { state, problems, book: createRuleBook(rules ?? noRules) }
}

/** Models that only the base has are missing: the head is all that there is. */
function compareSides(base: PreviewSide | null, head: PreviewSide, rules: RuleBook): Comparison {
  const candidates = toModels(head, 'head')
  return compare({
    candidates,
    baselines: base === null ? [] : baselinesOf(toModels(base, 'base'), candidates, rules),
    endedJobs: new Set(base === null ? [] : [base.source]),
    rules,
  })
}

function namesIn({ columns, rows }: Comparison): KnownNames {
  return {
    results: columns.map(({ name }) => name),
    models: rows.map(({ name, dataset }) => ({ name, dataset })),
  }
}

function baselinesOf(models: Model[], candidates: Model[], rules: RuleBook): Baseline[] {
  const base = {
    reason: 'merge_base',
    commit: 'base',
    commitsBehind: null,
    carriedFrom: null,
    models,
  } as const
  return baselinesFor(candidates, [base], rules)
}

/** What a pipeline would add is left at nothing: no part of a preview shows it. */
function toModels({ source, models }: PreviewSide, commit: 'base' | 'head'): Model[] {
  return models.map((model, index) => ({
    ...model,
    id: `${commit} ${index}`,
    projectId: '',
    origin: commit === 'base' ? `branch:${targetBranch}` : 'mr:0',
    commit,
    sourceCommit: null,
    pipeline: { id: 0, source: 'push', ref: targetBranch, refType: 'branch', refProtected: false },
    job: { id: 0, name: source, status: 'success', url: null },
    userId: 0,
    curves: model.curves.map(summariseCurve),
    uploadedAt: new Date(0),
  }))
}

interface Judged extends Pick<NoteInput, 'comparison' | 'verdict' | 'rules' | 'groupBy'> {
  base: PreviewSide | null
  head: PreviewSide
}

/** Addresses are empty, which every part of the note writes as plain text. */
function noteInput({ base, head, ...judged }: Judged): NoteInput {
  const reported = head.models.length > 0 ? 1 : 0
  return {
    ...judged,
    projectUrl: 'preview:',
    targetBranch,
    headSha: 'head',
    isFork: false,
    pipeline: {
      id: 0,
      url: '',
      state: 'finished',
      jobsReported: reported,
      jobsTotal: reported,
      failedJobs: [],
      silentJobs: [],
    },
    editedRules: null,
    exclusions: [],
    previous: null,
    drawsCharts: false,
    links: { model: () => '', comparison: '', accept: '', rules: '' },
    preview: { base: base?.source ?? null, head: head.source },
  }
}
