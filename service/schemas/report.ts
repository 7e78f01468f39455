import { z } from 'zod'

/** Maps of names to values are read by `ingest/values.ts`, entry by entry: a name may be `__proto__`. */
const NameMap = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && !Array.isArray(value),
  {
    error: 'must be an object',
  },
)

const WireJob = z.strictObject({
  name: z.string().min(1).max(255).optional(),
  status: z.string().min(1).max(50).optional(),
  url: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .nullish(),
})

const WireArtifact = z.strictObject({
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
  version: z.unknown().optional(),
  parameters: NameMap.nullish(),
  hyperparameters: NameMap.nullish(),
  results: NameMap.optional(),
  metrics: NameMap.optional(),
  curves: NameMap.nullish(),
  dataset_digest: z.string().min(1).max(200).nullish(),
  test_size: z.int().nonnegative().nullish(),
  artifacts: z.array(WireArtifact).max(1000).nullish(),
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
  models: z.array(z.unknown()).optional(),
})

/** The part `context` of a multipart report. */
export const WireContext = WireReport.omit({ models: true })
