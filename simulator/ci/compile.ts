import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { z } from 'zod'

import { createCommitPaths } from './commit-paths.js'
import { parseDuration } from './duration.js'
import { expandConfig } from './expand-config.js'
import { listInstances, type JobInstance } from './job-instances.js'
import { parsePipelineConfig, type JobConfig, type PipelineConfig } from './pipeline-config.js'
import { PipelineError } from './pipeline-error.js'
import { findMatchingRule, matchesRefPolicies, type CommitPaths } from './rules.js'
import { expandText, expandVariables, type Variables } from './variables.js'

export interface CompiledJob {
  /** As GitLab names it, with the suffix of a matrix or `parallel`. */
  name: string
  stage: string
  when: 'on_success' | 'on_failure' | 'always' | 'manual' | 'delayed' | 'never'
  allowFailure: boolean
  /** Names of compiled jobs; null means every job of the earlier stages. */
  needs: string[] | null
  script: string[]
  beforeScript: string[]
  afterScript: string[]
  /** As written: `runJob` expands them, because they may name variables that only a running job has. */
  variables: Record<string, string>
  idTokens: Record<string, { aud: string[] }>
  artifacts: { paths: string[]; when: 'on_success' | 'on_failure' | 'always' }
  timeoutSeconds: number
  /** What a job does that starts a child pipeline in place of a script. */
  trigger: { config: string; strategy: 'depend' | 'mirror' | null } | null
  /** Position among the pipeline's stages; `.pre` is 0. */
  stageIndex: number
}

export interface CompileInput {
  /** A full clone, checked out at the commit, with the remote `origin`. */
  repoDir: string
  /** Predefined variables that are known when the pipeline is created. */
  pipelineVariables: Record<string, string>
  /** The commit that `rules:changes` compares with; null where GitLab takes everything as changed. */
  changesBaseSha: string | null
  /** A folder of this call's own; it may be removed afterwards. */
  stateDir: string
}

export type CompileResult =
  | { kind: 'jobs'; jobs: CompiledJob[] }
  | { kind: 'none'; reason: string }
  | { kind: 'error'; message: string }

interface Pipeline {
  config: PipelineConfig
  stages: string[]
  predefined: Variables
  /** Top-level variables with those of the matching workflow rule. */
  variables: Variables
  hasWorkflowRules: boolean
  paths: CommitPaths
}

const defaultTimeoutSeconds = 3_600

/** Makes of a commit's `.gitlab-ci.yml` the jobs that GitLab would create for it. */
export async function compilePipeline(input: CompileInput): Promise<CompileResult> {
  if (!existsSync(join(input.repoDir, '.gitlab-ci.yml'))) {
    return { kind: 'none', reason: 'Missing CI config file' }
  }
  const { repoDir, stateDir, pipelineVariables: variables } = input
  return refusing(async () => compileDocument(await expandConfig({ repoDir, stateDir, variables }), input))
}

/** Turns what is wrong with a configuration into a result. */
export async function refusing<T>(
  work: () => Promise<T>,
): Promise<T | Extract<CompileResult, { kind: 'error' }>> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof PipelineError) return { kind: 'error', message: error.message }
    if (error instanceof z.ZodError) return { kind: 'error', message: z.prettifyError(error) }
    throw error
  }
}

/** As `compilePipeline`, of a configuration whose includes are resolved. */
export async function compileDocument(document: unknown, input: CompileInput): Promise<CompileResult> {
  const { repoDir, stateDir, pipelineVariables: predefined } = input
  const config = parsePipelineConfig(document)
  const paths = createCommitPaths(repoDir, join(stateDir, 'home'), input.changesBaseSha)
  const workflowRules = config.workflow?.rules ?? null
  let variables = config.variables
  if (workflowRules) {
    const rule = await findMatchingRule(workflowRules, { predefined, variables, paths })
    if (!rule || rule.when === 'never') {
      return { kind: 'none', reason: 'Pipeline filtered out by workflow rules.' }
    }
    variables = { ...variables, ...rule.variables }
  }
  const stages = orderStages(config.stages)
  const hasWorkflowRules = workflowRules !== null
  return compileJobs({ config, stages, predefined, variables, hasWorkflowRules, paths })
}

async function compileJobs(pipeline: Pipeline): Promise<CompileResult> {
  const jobs: CompiledJob[] = []
  const namesOf = new Map<string, string[]>()
  const neededBy = new Map<CompiledJob, JobConfig['needs']>()
  for (const [name, config] of pipeline.config.jobs) {
    for (const instance of listInstances(name, config.parallel)) {
      const compiled = await compileJob(pipeline, config, instance)
      if (!compiled) continue
      jobs.push(compiled.job)
      neededBy.set(compiled.job, compiled.needs)
      namesOf.set(name, [...(namesOf.get(name) ?? []), instance.name])
    }
  }
  for (const [job, needs] of neededBy) job.needs = resolveNeeds(job.name, needs, namesOf)
  if (jobs.every((job) => job.stage === '.pre' || job.stage === '.post')) {
    return {
      kind: 'none',
      reason:
        'Pipeline will not run for the selected trigger. The rules configuration prevented any jobs from being added to the pipeline.',
    }
  }
  return { kind: 'jobs', jobs: jobs.sort((a, b) => a.stageIndex - b.stageIndex) }
}

async function compileJob(
  pipeline: Pipeline,
  config: JobConfig,
  instance: JobInstance,
): Promise<{ job: CompiledJob; needs: JobConfig['needs'] } | null> {
  const own = { ...inheritedVariables(pipeline, config), ...config.variables, ...instance.variables }
  const decision = await decide(pipeline, config, own)
  if (!decision || decision.when === 'never') return null
  const variables = { ...own, ...decision.variables }
  const stage = config.stage ?? 'test'
  const job: CompiledJob = {
    name: instance.name,
    stage,
    when: decision.when,
    allowFailure: decision.allowFailure,
    needs: null,
    script: config.script ?? [],
    beforeScript: config.before_script ?? [],
    afterScript: config.after_script ?? [],
    variables,
    idTokens: compileIdTokens(pipeline, config, variables),
    artifacts: {
      paths: config.artifacts?.paths ?? [],
      when: config.artifacts?.when ?? 'on_success',
    },
    timeoutSeconds: readTimeout(pipeline, config, instance.name),
    trigger: compileTrigger(config, instance.name),
    stageIndex: pipeline.stages.indexOf(stage),
  }
  return { job, needs: decision.needs }
}

interface Decision {
  when: CompiledJob['when']
  allowFailure: boolean
  variables: Variables
  needs: JobConfig['needs']
}

/** Whether and how a job runs; null if it is not part of this pipeline. */
async function decide(
  { predefined, paths, hasWorkflowRules }: Pipeline,
  config: JobConfig,
  variables: Variables,
): Promise<Decision | null> {
  const context = { predefined, variables, paths }
  const when = config.when ?? 'on_success'
  const allowFailure = config.allow_failure ?? when === 'manual'
  if (config.rules) {
    const rule = await findMatchingRule(config.rules, context)
    if (!rule) return null
    return {
      when: rule.when ?? when,
      allowFailure: rule.allow_failure ?? allowFailure,
      variables: rule.variables ?? {},
      needs: rule.needs ?? config.needs,
    }
  }
  // GitLab's default for a job without rules, unless workflow:rules decide.
  const branchesAndTags = { refs: ['branches', 'tags'], variables: null, changes: null }
  const only = config.only ?? (hasWorkflowRules ? null : branchesAndTags)
  if (!(await matchesRefPolicies(only, config.except ?? null, context))) return null
  return { when, allowFailure, variables: {}, needs: config.needs }
}

function inheritedVariables({ variables }: Pipeline, { inherit }: JobConfig): Variables {
  const names = inherit?.variables ?? true
  if (names === true) return variables
  if (names === false) return {}
  return Object.fromEntries(Object.entries(variables).filter(([name]) => names.includes(name)))
}

function inheritsDefault({ inherit }: JobConfig, keyword: string): boolean {
  const keywords = inherit?.default ?? true
  return Array.isArray(keywords) ? keywords.includes(keyword) : keywords
}

function compileIdTokens(
  { config: { default: defaults }, predefined }: Pipeline,
  config: JobConfig,
  variables: Variables,
): CompiledJob['idTokens'] {
  const inherited = inheritsDefault(config, 'id_tokens') ? defaults.id_tokens : undefined
  const tokens = config.id_tokens ?? inherited ?? {}
  const known: Variables = { ...predefined, ...expandVariables(variables, predefined) }
  return Object.fromEntries(
    Object.entries(tokens).map(([name, { aud }]) => [
      name,
      { aud: aud.map((text) => expandText(text, (variable) => known[variable])) },
    ]),
  )
}

function readTimeout({ config: { default: defaults } }: Pipeline, config: JobConfig, name: string): number {
  const inherited = inheritsDefault(config, 'timeout') ? defaults.timeout : undefined
  const text = config.timeout ?? inherited
  if (text === undefined) return defaultTimeoutSeconds
  const seconds = parseDuration(text)
  if (seconds === null) throw new PipelineError(`jobs:${name}:timeout should be a duration: ${text}`)
  return seconds
}

function compileTrigger({ trigger }: JobConfig, name: string): CompiledJob['trigger'] {
  if (trigger === undefined) return null
  const { project, include, strategy } = trigger
  const isLocal = Array.isArray(include) && include.every((entry) => 'local' in Object(entry))
  if (project !== null || !isLocal) throw new PipelineError(`jobs:${name}:trigger cannot be run here`)
  return { config: stringify({ include }), strategy }
}

function resolveNeeds(
  name: string,
  needs: JobConfig['needs'],
  namesOf: ReadonlyMap<string, string[]>,
): string[] | null {
  if (!needs) return null
  return needs
    .filter((need) => !need.elsewhere)
    .flatMap(({ job, optional }) => {
      const names = namesOf.get(job)
      if (names) return names
      if (optional) return []
      throw new PipelineError(
        `'${name}' job needs '${job}' job, but '${job}' does not exist in the pipeline. This might be because of the only, except, or rules keywords. To need a job that sometimes does not exist in the pipeline, use needs:optional.`,
      )
    })
}

/** All stages in the order in which they run. */
export function orderStages(stages: string[]): string[] {
  return ['.pre', ...stages.filter((stage) => stage !== '.pre' && stage !== '.post'), '.post']
}
