import type { Json } from './model.js'

/** JSON for people: floats that JSON does not have are written as strings, as on the wire. */
export function jsonText(value: Json, indent?: number): string {
  return JSON.stringify(
    value,
    (_key, inner: Json) => (typeof inner === 'number' && !Number.isFinite(inner) ? String(inner) : inner),
    indent,
  )
}
