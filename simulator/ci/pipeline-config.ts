import { z } from 'zod'

const Text = z
  .union([z.string(), z.number(), z.boolean(), z.null()])
  .transform((value) => (value === null ? '' : String(value)))
const Texts = z.union([z.array(Text), Text]).transform((value) => (Array.isArray(value) ? value : [value]))
const VariableMap = z.record(
  z.string(),
  z.union([Text, z.object({ value: Text }).transform((entry) => entry.value)]),
)
const When = z.enum(['on_success', 'on_failure', 'always', 'manual', 'delayed', 'never'])
const AllowFailure = z
  .union([z.boolean(), z.object({ exit_codes: z.unknown() })])
  .transform((value) => value === true)
const Need = z.union([
  z.string().transform((job) => ({ job, optional: false, elsewhere: false })),
  z
    .object({
      job: z.unknown().optional(),
      optional: z.boolean().optional(),
      project: z.string().optional(),
      pipeline: z.string().optional(),
    })
    .transform((need) => ({
      job: typeof need.job === 'string' ? need.job : '',
      optional: need.optional ?? false,
      elsewhere: need.project !== undefined || need.pipeline !== undefined,
    })),
])

export const Rule = z.object({
  if: z.string().optional(),
  changes: z
    .union([
      z.array(z.string()).transform((paths) => ({ paths, compareTo: null })),
      z
        .object({ paths: z.array(z.string()), compare_to: z.string().optional() })
        .transform(({ paths, compare_to }) => ({ paths, compareTo: compare_to ?? null })),
    ])
    .optional(),
  exists: z
    .union([z.array(z.string()), z.object({ paths: z.array(z.string()) }).transform((entry) => entry.paths)])
    .optional(),
  when: When.optional(),
  allow_failure: AllowFailure.optional(),
  variables: VariableMap.optional(),
  needs: z.array(Need).optional(),
})
export type Rule = z.infer<typeof Rule>

export const RefPolicy = z.union([
  Texts.transform((refs) => ({ refs, variables: null, changes: null })),
  z
    .object({
      refs: z.array(z.string()).optional(),
      variables: z.array(z.string()).optional(),
      changes: z.array(z.string()).optional(),
    })
    .transform(({ refs, variables, changes }) => ({
      refs: refs ?? null,
      variables: variables ?? null,
      changes: changes ?? null,
    })),
])
export type RefPolicy = z.infer<typeof RefPolicy>

const IdTokens = z.record(z.string(), z.object({ aud: Texts }))
const Inherited = z.union([z.boolean(), z.array(z.string())])

const Trigger = z.union([
  z.string().transform((project) => ({ project, include: null, strategy: null })),
  z
    .object({
      project: z.string().optional(),
      include: z.unknown().optional(),
      strategy: z.enum(['depend', 'mirror']).optional(),
    })
    .transform(({ project, include, strategy }) => ({
      project: project ?? null,
      include: include ?? null,
      strategy: strategy ?? null,
    })),
])

export const JobConfig = z.object({
  stage: z.string().optional(),
  script: Texts.optional(),
  before_script: Texts.optional(),
  after_script: Texts.optional(),
  variables: VariableMap.optional(),
  rules: z.array(Rule).optional(),
  only: RefPolicy.optional(),
  except: RefPolicy.optional(),
  when: When.optional(),
  allow_failure: AllowFailure.optional(),
  needs: z.array(Need).optional(),
  parallel: z.union([z.number(), z.object({ matrix: z.array(z.record(z.string(), Texts)) })]).optional(),
  id_tokens: IdTokens.optional(),
  artifacts: z
    .object({
      paths: z.array(z.string()).optional(),
      when: z.enum(['on_success', 'on_failure', 'always']).optional(),
    })
    .nullish(),
  timeout: Text.optional(),
  trigger: Trigger.optional(),
  inherit: z.object({ default: Inherited.optional(), variables: Inherited.optional() }).optional(),
})
export type JobConfig = z.infer<typeof JobConfig>

const Globals = z.object({
  stages: z.array(z.string()),
  variables: VariableMap.default({}),
  workflow: z.object({ rules: z.array(Rule).optional() }).nullish(),
  default: z.object({ id_tokens: IdTokens.optional(), timeout: Text.optional() }).default({}),
})

export type PipelineConfig = z.infer<typeof Globals> & { jobs: Map<string, JobConfig> }

const globalKeywords = new Set([
  'stages',
  'variables',
  'workflow',
  'default',
  'include',
  'spec',
  'image',
  'services',
  'cache',
  'before_script',
  'after_script',
])

/** Reads a configuration whose includes, `extends` and `!reference` are already resolved. */
export function parsePipelineConfig(document: unknown): PipelineConfig {
  const record = z.record(z.string(), z.unknown()).parse(document)
  const jobs = new Map<string, JobConfig>()
  for (const [name, value] of Object.entries(record)) {
    if (globalKeywords.has(name) || name.startsWith('.')) continue
    jobs.set(name, JobConfig.parse(value))
  }
  return { ...Globals.parse(record), jobs }
}
