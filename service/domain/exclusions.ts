/** One upload that somebody took out of every comparison: a later upload of the same model is not meant. */
export interface ExcludedUpload {
  modelId: string
  jobId: number
}

/** What a note says of a model that a person has taken out of comparisons. */
export interface ToldExclusion {
  dataset: string
  name: string
  /** Of this head, or of a commit that it would be compared with. */
  side: 'here' | 'baseline'
  commit: string
  username: string
  reason: string
}

/** Tells one upload of a model from another. */
export function uploadKey({ modelId, jobId }: ExcludedUpload): string {
  return `${modelId} ${jobId}`
}

export function uploadOf({ id, job }: { id: string; job: { id: number } }): ExcludedUpload {
  return { modelId: id, jobId: job.id }
}

/** The models that no exclusion names, in their order. */
export function withoutExcluded<T extends { id: string; job: { id: number } }>(
  models: readonly T[],
  exclusions: readonly ExcludedUpload[],
): T[] {
  const excluded = new Set(exclusions.map(uploadKey))
  return models.filter((model) => !excluded.has(uploadKey(uploadOf(model))))
}
