/** What a training produced, as the rest of the service sees it. Nothing here knows HTTP, MongoDB or GitLab. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** A name and its value. Names come from outside and may be anything, so they are never object keys. */
export interface Named<T> {
  k: string
  v: T
}

/** A result over steps, packed: `steps[i]` and `values[i]` belong together. Values may be NaN or infinite. */
export interface Curve {
  name: string
  steps: Float64Array
  values: Float64Array
}

/** What is known of a curve without reading its points. Steps and values are in the curve's own units. */
export interface CurveSummary {
  name: string
  count: number
  min: number
  max: number
  last: number
}

export interface Artifact {
  path: string
  sizeBytes: number | null
  sha256: string | null
}

/** The CI job that reported. `name` and `status` are the job's own word, everything else comes from its ID token. */
export interface ModelJob {
  id: number
  name: string
  status: string
  url: string | null
}

/** The pipeline that the ID token names. */
export interface ModelPipeline {
  id: number
  source: string
  ref: string
  refType: 'branch' | 'tag'
  refProtected: boolean
}

/** One trained result that a job reported. `origin` is `branch:<ref>`, `tag:<ref>`, `mr:<pipeline>`, `schedule:<pipeline>`
 * or `fork:<gitlab project>:<pipeline>`, and comes from the credential alone. */
export interface Model {
  id: string
  projectId: string
  origin: string
  commit: string
  /** The merge request's head where `commit` is a merge-result commit that is in no branch. */
  sourceCommit: string | null
  pipeline: ModelPipeline
  job: ModelJob
  userId: number
  dataset: string
  name: string
  repeat: string | null
  trial: string | null
  /** The job names this trial as the one of its search that counts. */
  chosen: boolean
  version: string | null
  parameters: Named<Json>[]
  hyperparameters: Named<Json>[]
  results: Named<number>[]
  curves: CurveSummary[]
  datasetDigest: string | null
  testSize: number | null
  artifacts: Artifact[]
  uploadedAt: Date
}

/** One trained result that a person reported with an API token: no pipeline vouches for it, so that it takes no part in
 * comparisons. `origin` is `token:<user>`. */
export interface TokenModel extends Omit<Model, 'commit' | 'sourceCommit' | 'pipeline' | 'job'> {
  /** Null only in a standalone project; then there is a version. */
  commit: string | null
  sourceCommit: null
  /** The person's own word. */
  branch: string | null
  pipeline: null
  job: null
}

export type StoredModel = Model | TokenModel
