import type { z } from 'zod'
import type { RulesProblem } from '../domain/rules.js'
import { nearest } from '../domain/spelling.js'
import { rulesJsonSchema } from '../schemas/rules.js'
import { nearestAmount, nearestLimit } from './rules-amounts.js'
import { type Path, pathText, quoted, valueText } from './rules-text.js'
import type { RulesTree } from './rules-tree.js'

/** What the schema says of a file, with places, values and the nearest right spellings. */
export function problemsOf(issues: readonly z.core.$ZodIssue[], tree: RulesTree): RulesProblem[] {
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => unknownKey([...issue.path, key], tree))
      : [wrongValue(issue, tree)],
  )
}

function unknownKey(path: Path, tree: RulesTree): RulesProblem {
  const key = String(path.at(-1))
  const known = keysAt(path.slice(0, -1))
  const message = `${quoted(key)} is not known here; the keys are ${known.join(', ')}`
  return { ...tree.placeOfKey(path), key: pathText(path), message, suggestion: nearest(key, known) }
}

/** Read from the JSON Schema, whose nodes lead where a file's paths lead. */
function keysAt(path: Path): string[] {
  let at: z.core.JSONSchema.BaseSchema | undefined = rulesJsonSchema
  for (const step of path) at = childOf(at, step)
  return Object.keys(at?.properties ?? {})
}

function childOf(
  at: z.core.JSONSchema.BaseSchema | undefined,
  step: PropertyKey,
): z.core.JSONSchema.BaseSchema | undefined {
  const next =
    typeof step === 'number' ? at?.items : (at?.properties?.[String(step)] ?? at?.additionalProperties)
  return typeof next === 'object' && !Array.isArray(next) ? next : undefined
}

function wrongValue(issue: z.core.$ZodIssue, tree: RulesTree): RulesProblem {
  const { path } = issue
  const value = valueAt(tree.value, path)
  const key = pathText(path)
  if (issue.code === 'invalid_key') {
    const help = issue.issues[0]?.message ?? issue.message
    return { ...tree.placeOfKey(path), key, message: `this name is not possible; ${help}`, suggestion: null }
  }
  const place = tree.placeOf(path)
  if (value === undefined) {
    const message = `${quoted(String(path.at(-1)))} is missing; ${issue.message}`
    return { ...place, key, message, suggestion: null }
  }
  const message =
    value === null ? `nothing is written here; ${issue.message}` : wrongText(value, issue.message)
  return { ...place, key, message, suggestion: suggestionFor(issue, value) }
}

function wrongText(value: unknown, help: string): string {
  return `${valueText(value)} is not possible here; ${help}`
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, step) => {
    return typeof at === 'object' && at !== null && Object.hasOwn(at, step)
      ? Reflect.get(at, step)
      : undefined
  }, root)
}

function suggestionFor(issue: z.core.$ZodIssue, value: unknown): string | null {
  if (issue.code === 'invalid_value' && typeof value === 'string') {
    return nearest(
      value,
      issue.values.filter((known) => typeof known === 'string'),
    )
  }
  const key = issue.path.at(-1)
  if (key === 'worse_by' || key === 'tolerance') return nearestAmount(String(value))
  if (key === 'below' || key === 'above') return nearestLimit(String(value))
  const wantsText =
    ['model', 'dataset', 'models', 'datasets', 'unit'].includes(String(key)) || typeof key === 'number'
  return wantsText && typeof value === 'number' ? JSON.stringify(String(value)) : null
}
