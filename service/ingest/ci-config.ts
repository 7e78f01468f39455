import { Composer, Parser } from 'yaml'
import { z } from 'zod'
import type { ExpectedJobs } from '../domain/expected-jobs.js'
import { findTooDeep } from './yaml-depth.js'

const Audience = z.union([z.string(), z.array(z.string())])

const Job = z.looseObject({
  id_tokens: z.record(z.string(), z.looseObject({ aud: Audience.optional() })).optional(),
  variables: z.record(z.string(), z.unknown()).optional(),
  trigger: z.unknown().optional(),
  when: z.unknown().optional(),
})

const globalKeys = new Set([
  'default',
  'include',
  'stages',
  'variables',
  'workflow',
  'spec',
  'cache',
  'image',
])

/** Reads GitLab's merged YAML; null where it is none. A job that only starts by hand is not expected. */
export function readExpectedJobs(mergedYaml: string, audience: string): ExpectedJobs | null {
  const all = readJobs(mergedYaml)
  if (all === null) return null
  const holders = all.filter(({ job }) => holdsToken(job, audience))
  return {
    names: holders.flatMap(({ name, job }) => (isGate(job) || job.when === 'manual' ? [] : [name])),
    gates: holders.flatMap(({ name, job }) => (isGate(job) ? [name] : [])),
    startsPipelines: all.some(({ job }) => job.trigger !== undefined),
  }
}

function readJobs(mergedYaml: string): { name: string; job: z.infer<typeof Job> }[] | null {
  const config = z.record(z.string(), z.unknown()).safeParse(parseYaml(mergedYaml))
  if (!config.success) return null
  return Object.entries(config.data).flatMap(([name, value]) => {
    if (name.startsWith('.') || globalKeys.has(name)) return []
    const job = Job.safeParse(value)
    return job.success ? [{ name, job: job.data }] : []
  })
}

const mostCharacters = 1024 * 1024
const mostDepth = 50

function parseYaml(text: string): unknown {
  if (text.length > mostCharacters) return null
  const tokens = [...new Parser().parse(text)]
  if (findTooDeep(tokens, mostDepth) !== null) return null
  const [document] = new Composer({ uniqueKeys: false, logLevel: 'silent' }).compose(
    tokens,
    true,
    text.length,
  )
  if (document === undefined || document.errors.length > 0) return null
  try {
    return withPlainKeys(document.toJS({ maxAliasCount: 1000 }))
  } catch {
    return null // Aliases without end: GitLab writes none.
  }
}

/** GitLab writes Ruby's symbols: `:train:` for `train:`. */
function withPlainKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPlainKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.replace(/^:/, ''), withPlainKeys(item)]),
  )
}

function holdsToken({ id_tokens }: z.infer<typeof Job>, audience: string): boolean {
  return Object.values(id_tokens ?? {}).some(({ aud }) => [aud].flat().includes(audience))
}

function isGate({ variables }: z.infer<typeof Job>): boolean {
  return variables?.['MLMM_GATE'] !== undefined
}
