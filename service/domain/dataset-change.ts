import type { Model } from './model.js'

/** Whether both sides name their data by digest and the digests differ. */
export function isOtherData(old: readonly Model[], current: readonly Model[]): boolean {
  const before = digests(old)
  const now = digests(current)
  if (before === null || now === null) return false
  return before !== now
}

/** All digests of the repeats as one string, null where any of them is not known. */
function digests(models: readonly Model[]): string | null {
  if (models.length === 0 || models[0]?.datasetDigest === null) return null
  const all = models.map((model) => model.datasetDigest)
  if (all.includes(null)) return null
  return JSON.stringify([...new Set(all)].sort())
}
