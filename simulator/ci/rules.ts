import { compileGlob } from './glob.js'
import type { RefPolicy, Rule } from './pipeline-config.js'
import { compilePattern, evaluateExpression } from './rule-expression.js'
import { expandText, expandVariables, type Variables } from './variables.js'

/** What rules ask about the commit; both answers are repository paths. */
export interface CommitPaths {
  /** null where there is nothing to compare with: GitLab then takes everything as changed. */
  listChanged(compareTo: string | null): Promise<string[] | null>
  listAll(): Promise<string[]>
}

export interface RuleContext {
  /** Predefined variables of the pipeline, taken as they are. */
  predefined: Variables
  /** Variables from the YAML, which may name others. */
  variables: Variables
  paths: CommitPaths
}

interface Scope {
  variables: Variables
  paths: CommitPaths
}

/** The first rule whose every condition holds, or null. */
export async function findMatchingRule(rules: readonly Rule[], context: RuleContext): Promise<Rule | null> {
  const scope = openScope(context)
  for (const rule of rules) {
    if (await ruleMatches(rule, scope)) return rule
  }
  return null
}

/** `only` and `except`, where refs, variables and changes each narrow what is meant. */
export async function matchesRefPolicies(
  only: RefPolicy | null,
  except: RefPolicy | null,
  context: RuleContext,
): Promise<boolean> {
  const scope = openScope(context)
  if (only && (await policyAnswers(only, scope)).includes(false)) return false
  return !(except && (await policyAnswers(except, scope)).includes(true))
}

function openScope({ predefined, variables, paths }: RuleContext): Scope {
  return { variables: { ...predefined, ...expandVariables(variables, predefined) }, paths }
}

async function ruleMatches(rule: Rule, scope: Scope): Promise<boolean> {
  if (rule.if !== undefined && !evaluateExpression(rule.if, scope.variables)) return false
  if (rule.changes && !(await changesMatch(rule.changes, scope))) return false
  return !rule.exists || anyMatches(rule.exists, await scope.paths.listAll(), scope)
}

async function changesMatch(
  { paths, compareTo }: { paths: string[]; compareTo: string | null },
  scope: Scope,
): Promise<boolean> {
  const base = compareTo === null ? null : expandText(compareTo, (name) => scope.variables[name])
  const changed = await scope.paths.listChanged(base)
  return changed === null || anyMatches(paths, changed, scope)
}

function anyMatches(patterns: string[], paths: string[], scope: Scope): boolean {
  return patterns.some((pattern) => {
    const text = expandText(pattern, (name) => scope.variables[name])
    const glob = compileGlob(text.replace(/^\//, ''))
    return paths.some((path) => glob.test(path))
  })
}

async function policyAnswers(policy: RefPolicy, scope: Scope): Promise<boolean[]> {
  const answers: boolean[] = []
  if (policy.refs) answers.push(policy.refs.some((ref) => refMatches(ref, scope.variables)))
  if (policy.variables) {
    answers.push(policy.variables.some((text) => evaluateExpression(text, scope.variables)))
  }
  if (policy.changes) {
    answers.push(await changesMatch({ paths: policy.changes, compareTo: null }, scope))
  }
  return answers
}

const sourcesOfKeyword: Readonly<Record<string, string>> = {
  api: 'api',
  chat: 'chat',
  external: 'external',
  merge_requests: 'merge_request_event',
  pipelines: 'pipeline',
  pushes: 'push',
  schedules: 'schedule',
  triggers: 'trigger',
  web: 'web',
}

function refMatches(ref: string, variables: Variables): boolean {
  const source = variables.CI_PIPELINE_SOURCE ?? ''
  const isMergeRequest = source === 'merge_request_event'
  const isTag = variables.CI_COMMIT_TAG !== undefined
  if (ref === 'branches') return !isMergeRequest && !isTag
  if (ref === 'tags') return isTag
  if (Object.hasOwn(sourcesOfKeyword, ref)) return sourcesOfKeyword[ref] === source
  const name = variables.CI_COMMIT_REF_NAME ?? ''
  if (isMergeRequest) return false
  return /^\/.+\/[ismU]*$/s.test(ref) ? compilePattern(ref).test(name) : ref === name
}
