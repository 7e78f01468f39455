import { z } from 'zod'

/** Maps of names to values are read by `ingest/values.ts`, entry by entry: a name may be `__proto__`. */
const NameMap = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && !Array.isArray(value),
  {
    error: 'must be an object',
  },
)

/** Its items are read one by one, after their number: a list may have millions. */
const List = z.custom<unknown[]>((value) => Array.isArray(value), { error: 'must be a list' })

const WireJob = z.strictObject({
  name: z.string().min(1).max(255).optional(),
  status: z.string().min(1).max(50).optional(),
  url: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .nullish(),
})

export const WireArtifact = z.strictObject({
  path: z.string().min(1).max(1000),
  size: z.int().nonnegative().nullish(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullish(),
})

/** One model as `POST /api/v1/reports` and `mlmm.json` write it. Names and maps are checked afterwards. */
export const WireModel = z.strictObject({
  name: z.unknown().optional(),
  dataset: z.unknown().optional(),
  repeat: z.unknown().optional(),
  trial: z.unknown().optional(),
  chosen: z.boolean().nullish(),
  version: z.unknown().optional(),
  parameters: NameMap.nullish(),
  hyperparameters: NameMap.nullish(),
  results: NameMap.optional(),
  metrics: NameMap.optional(),
  curves: NameMap.nullish(),
  dataset_digest: z.string().min(1).max(200).nullish(),
  test_size: z.int().nonnegative().nullish(),
  artifacts: List.nullish(),
})
export type WireModel = z.infer<typeof WireModel>

/** What a job's settings say where a model does not: `MLMM_MODEL`, `MLMM_DATASET`, `MLMM_REPEAT`, `MLMM_TRIAL`. */
export const WireDefaults = z.strictObject({
  model: z.string().nullish(),
  dataset: z.string().nullish(),
  repeat: z.string().nullish(),
  trial: z.string().nullish(),
})
export type WireDefaults = z.infer<typeof WireDefaults>

export const WireReport = z.strictObject({
  job: WireJob.optional(),
  defaults: WireDefaults.optional(),
  models: List.optional(),
})

/** What a person with an API token sends: no ID token says where it belongs. */
export const WireTokenReport = WireReport.extend({
  project: z.union([z.string().min(1).max(1000), z.int().positive()]),
  commit: z
    .string()
    .regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/i, 'must be the 40 or 64 hexadecimal digits of a commit')
    .nullish(),
  branch: z.string().min(1).max(1000).nullish(),
})

/** The part `context` of a multipart report. */
export const WireContext = WireReport.omit({ models: true })
export const WireTokenContext = WireTokenReport.omit({ models: true })

/** Every key that a report or one of its models may have. */
export const reportKeys = [
  ...new Set([WireReport, WireModel, WireArtifact].flatMap(({ shape }) => Object.keys(shape))),
]
