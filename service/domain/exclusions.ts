/** One upload that somebody took out of every comparison: a later upload of the same model is not meant. */
export interface ExcludedUpload {
  modelId: string
  jobId: number
}

/** The models that no exclusion names, in their order. */
export function withoutExcluded<T extends { id: string; job: { id: number } }>(
  models: readonly T[],
  exclusions: readonly ExcludedUpload[],
): T[] {
  const excluded = new Set(exclusions.map(({ modelId, jobId }) => `${modelId} ${jobId}`))
  return models.filter((model) => !excluded.has(`${model.id} ${model.job.id}`))
}
