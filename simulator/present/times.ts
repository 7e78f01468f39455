/** ISO 8601 with milliseconds, as in GitLab's REST answers. */
export function isoTime(date: Date): string
export function isoTime(date: Date | null): string | null
export function isoTime(date: Date | null): string | null {
  return date === null ? null : date.toISOString()
}

/** `2016-08-12 15:23:28 UTC`, as in webhooks. */
export function hookTime(date: Date): string
export function hookTime(date: Date | null): string | null
export function hookTime(date: Date | null): string | null {
  return date === null ? null : `${date.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

export function secondsBetween(from: Date | null, to: Date | null): number | null {
  return from === null || to === null ? null : (to.getTime() - from.getTime()) / 1000
}
