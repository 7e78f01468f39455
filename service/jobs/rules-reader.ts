import { hash } from 'node:crypto'
import { createRuleBook } from '../domain/rule-book.js'
import {
  noRules,
  type RuleBook,
  type Rules,
  rulesFreshMs,
  rulesPath,
  type RulesProblem,
} from '../domain/rules.js'
import { GitLabError } from '../gitlab/errors.js'
import type { GitLab } from '../gitlab/port.js'
import { readRules } from '../ingest/rules-file.js'
import { rulesLimits } from '../ingest/rules-limits.js'
import type { Project } from '../stores/project-store.js'

const rememberedAtMost = 500

/** Rules as they stood at one commit. */
export interface RulesAt {
  /** `unreadable`: a file with errors, whose rules are none. */
  state: 'none' | 'read' | 'unreadable'
  /** The file as it is, or what stands for one that is too large to be kept; null where there is none. */
  text: string | null
  /** Null where there is no file, as GitLab then does not say. */
  commit: string | null
  rules: Rules
  book: RuleBook
  problems: RulesProblem[]
}

export interface RulesReaderOptions {
  gitlab: Pick<GitLab, 'findFile'>
  clock: () => Date
}

export type RulesReader = ReturnType<typeof createRulesReader>

/** Reads `.mlmm.yml` through GitLab. What a commit holds is asked for once, what a branch holds once in a while. */
export function createRulesReader({ gitlab, clock }: RulesReaderOptions) {
  const branches = new Map<string, { untilMs: number; answer: Promise<RulesAt> }>()
  const commits = new Map<string, Promise<RulesAt>>()
  const parsed = new Map<string, Omit<RulesAt, 'commit'>>()

  /** The rules at the head of a branch, not older than `rulesFreshMs`: a burst of reports reads them once.
   * @throws GitLabError */
  function atBranch(project: Project, branch: string): Promise<RulesAt> {
    const key = `${project.id} ${branch}`
    const known = branches.get(key)
    const nowMs = clock().getTime()
    if (known !== undefined && known.untilMs > nowMs) return known.answer
    const answer = ask(project, `refs/heads/${branch}`)
    keep(branches, key, { untilMs: nowMs + rulesFreshMs, answer })
    answer.catch(() => branches.delete(key))
    return answer
  }

  /** @throws GitLabError */
  function atCommit(project: Project, sha: string): Promise<RulesAt> {
    const key = `${project.id} ${sha}`
    const known = commits.get(key)
    if (known !== undefined) return known
    const answer = ask(project, sha)
    keep(commits, key, answer)
    answer.then(
      // What GitLab hides, it may show later.
      ({ state, commit }) => state === 'unreadable' && commit === null && commits.delete(key),
      () => commits.delete(key),
    )
    return answer
  }

  async function ask(project: Project, ref: string): Promise<RulesAt> {
    try {
      const file = await gitlab.findFile(project.gitlabProjectId, rulesPath, ref)
      if (file === null) return { ...nothing, commit: null }
      return { ...read(file), commit: file.commitId }
    } catch (error) {
      // Not to be known is not the same as none: what gates there are, nobody can say.
      if (error instanceof GitLabError && error.kind === 'forbidden') return { ...hidden, commit: null }
      throw error
    }
  }

  function read({ text, sizeBytes }: { text: string | null; sizeBytes: number }): Omit<RulesAt, 'commit'> {
    if (text === null) return tooLarge(sizeBytes)
    const known = parsed.get(text)
    if (known !== undefined) return known
    const answer = readRules(text)
    const rules = answer.rules ?? noRules
    const state = answer.rules === null ? 'unreadable' : 'read'
    const isLarge = text.length > rulesLimits.bytes
    const at = {
      state,
      text: isLarge ? hash('sha256', text) : text,
      rules,
      book: createRuleBook(rules),
      problems: answer.problems,
    } as const
    if (!isLarge) keep(parsed, text, at)
    return at
  }

  return { atBranch, atCommit }
}

const nothing = {
  state: 'none',
  text: null,
  rules: noRules,
  book: createRuleBook(noRules),
  problems: [],
} satisfies Omit<RulesAt, 'commit'>

const hidden = unreadable('GitLab does not let the bot read files of this repository')

function tooLarge(sizeBytes: number): Omit<RulesAt, 'commit'> {
  return unreadable(`the file has ${sizeBytes} bytes, which is too large to be read`)
}

function unreadable(message: string): Omit<RulesAt, 'commit'> {
  const problem = { line: 1, column: 1, key: '', message, suggestion: null }
  return { ...nothing, state: 'unreadable', text: message, problems: [problem] }
}

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= rememberedAtMost) map.clear()
  map.set(key, value)
}
