import { Composer, CST, Parser } from 'yaml'
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

/** Reads GitLab's merged YAML; null where it is none or longer than 64 kB. A job that only starts by hand is not expected. */
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

/** The text is the merge request's author's, and reading it stops everything else: the worst one takes half a second. */
const mostBytes = 64 * 1024
const mostDepth = 50
/** Each is looked for in the whole text. */
const mostAliases = 100

function parseYaml(text: string): unknown {
  if (Buffer.byteLength(text) > mostBytes) return null
  const tokens = [...new Parser().parse(text)]
  if (tokens.some(({ type }) => type === 'error')) return null
  if (findTooDeep(tokens, mostDepth) !== null || countAliases(tokens) > mostAliases) return null
  const [document] = new Composer({ uniqueKeys: false, logLevel: 'silent' }).compose(
    tokens,
    true,
    text.length,
  )
  if (document === undefined || document.errors.length > 0) return null
  try {
    return withPlainKeys(document.toJS({ maxAliasCount: 10 * mostAliases }))
  } catch {
    return null // Aliases without end: GitLab writes none.
  }
}

function countAliases(tokens: readonly CST.Token[]): number {
  const open: (CST.Token | null | undefined)[] = [...tokens]
  let count = 0
  for (let token = open.pop(); token !== undefined || open.length > 0; token = open.pop()) {
    if (token?.type === 'alias') count += 1
    if (token?.type === 'document') open.push(token.value)
    if (CST.isCollection(token)) for (const { key, value } of token.items) open.push(key, value)
  }
  return count
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
