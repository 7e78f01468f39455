import type { Json, Model, Named } from './model.js'
import { byCodeUnits } from './order.js'

/** One leaf of the settings that differs. `path` joins keys by `.` and indexes as `[0]`; it is outside text. */
export interface SettingChange {
  kind: 'hyperparameter' | 'parameter'
  path: string
  change: 'changed' | 'added' | 'removed'
  /** Null also where there was nothing: `change` tells. */
  old: Json
  new: Json
}

/** Settings with more differences than this are another training altogether; the rest is counted only. */
export const MAX_SETTING_CHANGES = 100

const MAX_DEPTH = 20
/** Lists that fit on a line are shown whole: `[64, 64]` says more than `layers[1]`. */
const WHOLE_LIST_LENGTH = 60

interface Settings {
  changes: SettingChange[]
  total: number
}

/** What was set otherwise: hyperparameters first, each by path. */
export function compareSettings(old: Model, current: Model): Settings {
  const found: Settings = { changes: [], total: 0 }
  compareNamed(found, 'hyperparameter', old.hyperparameters, current.hyperparameters)
  compareNamed(found, 'parameter', old.parameters, current.parameters)
  return found
}

function compareNamed(
  found: Settings,
  kind: SettingChange['kind'],
  old: Named<Json>[],
  current: Named<Json>[],
): void {
  const place = { found, kind, prefix: '', depth: 0 }
  if (!haveSameNames(old, current)) {
    return compareMaps(place, new Map(old.map(toEntry)), new Map(current.map(toEntry)))
  }
  // The usual case, a hundred times a comparison: few differ, so that there is little to sort.
  const differing: { k: string; old: Json; current: Json | undefined }[] = []
  for (const [index, { k, v }] of old.entries()) {
    const now = current[index]?.v
    if (now === undefined || !isSame(v, now)) differing.push({ k, old: v, current: now })
  }
  for (const pair of differing.sort((a, b) => byCodeUnits(a.k, b.k))) {
    compareValues({ ...place, prefix: pair.k, depth: 1 }, pair.old, pair.current)
  }
}

function toEntry({ k, v }: Named<Json>): [string, Json] {
  return [k, v]
}

function haveSameNames(old: Named<Json>[], current: Named<Json>[]): boolean {
  return old.length === current.length && old.every(({ k }, index) => current[index]?.k === k)
}

interface Place {
  found: Settings
  kind: SettingChange['kind']
  prefix: string
  depth: number
}

function compareMaps(place: Place, old: Map<string, Json>, current: Map<string, Json>): void {
  const keys = [...new Set([...old.keys(), ...current.keys()])].sort(byCodeUnits)
  for (const key of keys) {
    const path = place.prefix === '' ? key : `${place.prefix}.${key}`
    compareValues({ ...place, prefix: path, depth: place.depth + 1 }, old.get(key), current.get(key))
  }
}

function compareValues(place: Place, old: Json | undefined, current: Json | undefined): void {
  if (old === undefined || current === undefined) {
    if (old !== undefined) add(place, 'removed', old, null)
    if (current !== undefined) add(place, 'added', null, current)
    return
  }
  if (place.depth < MAX_DEPTH && isMap(old) && isMap(current)) {
    return compareMaps(place, new Map(Object.entries(old)), new Map(Object.entries(current)))
  }
  if (
    place.depth < MAX_DEPTH &&
    Array.isArray(old) &&
    Array.isArray(current) &&
    !(isShort(old) && isShort(current))
  ) {
    return compareLists(place, old, current)
  }
  if (!isSame(old, current)) add(place, 'changed', old, current)
}

function compareLists(place: Place, old: Json[], current: Json[]): void {
  for (let index = 0; index < Math.max(old.length, current.length); index++) {
    const path = `${place.prefix}[${index}]`
    compareValues({ ...place, prefix: path, depth: place.depth + 1 }, old[index], current[index])
  }
}

function add(place: Place, change: SettingChange['change'], old: Json, current: Json): void {
  place.found.total++
  if (place.found.changes.length >= MAX_SETTING_CHANGES) return
  place.found.changes.push({ kind: place.kind, path: place.prefix, change, old, new: current })
}

function isMap(value: Json): value is { [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isShort(list: Json[]): boolean {
  return list.length <= WHOLE_LIST_LENGTH && JSON.stringify(list).length <= WHOLE_LIST_LENGTH
}

/** Keys in any order; -0 is 0. */
function isSame(a: Json, b: Json): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a === b || (Number.isNaN(a) && Number.isNaN(b))
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b
  const keys = Object.keys(a)
  if (Array.isArray(a) !== Array.isArray(b) || keys.length !== Object.keys(b).length) return false
  const inA = new Map(Object.entries(a))
  const inB = new Map(Object.entries(b))
  return keys.every((key) => {
    const [left, right] = [inA.get(key), inB.get(key)]
    return left !== undefined && right !== undefined && isSame(left, right)
  })
}
