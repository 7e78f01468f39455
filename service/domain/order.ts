/** By UTF-16 code units: the same on every machine, whatever its locale. */
export function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}

/** Infinities are equal to themselves, which their difference does not say. */
export function byNumber(a: number, b: number): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
