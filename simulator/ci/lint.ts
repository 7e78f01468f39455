import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'

import { compileDocument, orderStages, refusing, type CompileInput } from './compile.js'
import { expandConfig } from './expand-config.js'
import { listInstances } from './job-instances.js'
import { parsePipelineConfig } from './pipeline-config.js'

export interface LintedJob {
  name: string
  stage: string
  when: string
  allowFailure: boolean
  script: string[]
  beforeScript: string[]
  afterScript: string[]
}

export interface LintResult {
  errors: string[]
  mergedYaml: string | null
  jobs: LintedJob[]
}

/** What GitLab's CI lint says of a commit: all its jobs, or of a dry run those that the pipeline would have. */
export async function lintConfig(input: CompileInput, options: { dryRun: boolean }): Promise<LintResult> {
  if (!existsSync(join(input.repoDir, '.gitlab-ci.yml'))) {
    return { errors: ['Please provide content of .gitlab-ci.yml'], mergedYaml: null, jobs: [] }
  }
  const { repoDir, stateDir, pipelineVariables: variables } = input
  const expanded = await refusing(async () => ({
    kind: 'expanded' as const,
    document: Object(await expandConfig({ repoDir, stateDir, variables })) as Record<string, unknown>,
  }))
  if (expanded.kind === 'error') return { errors: [expanded.message], mergedYaml: null, jobs: [] }
  const { include: _resolved, ...document } = expanded.document
  const listed = await (options.dryRun ? simulate(document, input) : refusing(async () => listAll(document)))
  const mergedYaml = `---\n${stringify(document)}`
  if ('jobs' in listed) return { errors: [], mergedYaml, jobs: listed.jobs }
  return { errors: [listed.message], mergedYaml, jobs: [] }
}

type Listed = { jobs: LintedJob[] } | { kind: 'error'; message: string }

async function simulate(document: unknown, input: CompileInput): Promise<Listed> {
  const result = await refusing(() => compileDocument(document, input))
  return result.kind === 'none' ? { kind: 'error', message: result.reason } : result
}

function listAll(document: unknown): Listed {
  const config = parsePipelineConfig(document)
  const stages = orderStages(config.stages)
  const jobs = [...config.jobs].flatMap(([name, job]) =>
    listInstances(name, job.parallel).map((instance) => ({
      name: instance.name,
      stage: job.stage ?? 'test',
      when: job.when ?? 'on_success',
      allowFailure: job.allow_failure ?? job.when === 'manual',
      script: job.script ?? [],
      beforeScript: job.before_script ?? [],
      afterScript: job.after_script ?? [],
    })),
  )
  return { jobs: jobs.sort((a, b) => stages.indexOf(a.stage) - stages.indexOf(b.stage)) }
}
