import { isAlias, isMap, isScalar, isSeq, type Node, type YAMLMap, type YAMLSeq } from 'yaml'
import type { RulesProblem } from '../domain/rules.js'
import { rulesLimits } from './rules-limits.js'
import { type Path, pathText, quoted } from './rules-text.js'

/** Counted from 1. */
export interface Place {
  line: number
  column: number
}

/** A YAML file as plain values, and where each of them stands. */
export interface RulesTree {
  value: unknown
  /** Where a value begins; of one that is not there, what should hold it. */
  placeOf(path: Path): Place
  placeOfKey(path: Path): Place
}

/** A value with the offsets of itself and of its key. */
interface Located {
  value: unknown
  start: number
  key: number
  children: Map<PropertyKey, Located>
}

/** Where the reader stands. */
interface Step {
  path: Path
  key: number
  /** Under an alias: its anchors are set already. */
  aliased: boolean
}

/** Thrown where nothing of the file is worth reading further. */
class Refusal extends Error {
  constructor(
    readonly offset: number,
    readonly path: Path,
    message: string,
    readonly suggestion: string | null = null,
  ) {
    super(message)
  }
}

/** `contents` must not be nested deeply. Aliases are replaced by what they stand for, as long as that is not too much. */
export function readTree(
  contents: unknown,
  placeAt: (offset: number) => Place,
): { tree: RulesTree; problems: null } | { tree: null; problems: RulesProblem[] } {
  const refusals: Refusal[] = []
  try {
    const root = createReader((refusal) => refusals.push(refusal))(contents, {
      path: [],
      key: 0,
      aliased: false,
    })
    if (refusals.length === 0) return { tree: createTree(root, placeAt), problems: null }
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    refusals.unshift(error)
  }
  const problems = refusals.slice(0, rulesLimits.problems).map(({ offset, path, message, suggestion }) => {
    return { ...placeAt(offset), key: pathText(path), message, suggestion }
  })
  return { tree: null, problems }
}

function createReader(report: (refusal: Refusal) => void) {
  const anchors = new Map<string, Node>()
  const open = new Set<unknown>()
  let values = 0
  return read

  function read(node: unknown, step: Step): Located {
    if (isAlias(node)) return readAlias(node.source, { ...step, aliased: true }, node.range?.[0] ?? step.key)
    const known = isMap(node) || isSeq(node) || isScalar(node)
    const located = { value: null, start: step.key, key: step.key, children: new Map() }
    if (!known) return located
    const start = node.range?.[0] ?? step.key
    if (++values > rulesLimits.values) {
      throw new Refusal(
        start,
        step.path,
        `the file has more than ${rulesLimits.values} values, aliases included`,
      )
    }
    if (node.anchor !== undefined && !step.aliased) anchors.set(node.anchor, node)
    if (isScalar(node)) return { ...located, start, value: node.value }
    open.add(node)
    const read = isMap(node) ? readMap(node, step) : readSeq(node, step)
    open.delete(node)
    return { ...located, start, ...read }
  }

  function readAlias(name: string, step: Step, start: number): Located {
    const node = anchors.get(name)
    if (node === undefined) {
      const message = `*${name} is an alias of nothing; put a pattern that begins with * in quotes`
      throw new Refusal(start, step.path, message, `"*${name}"`)
    }
    if (open.has(node)) throw new Refusal(start, step.path, `the alias *${name} holds itself`)
    if (step.path.length > rulesLimits.depth) {
      throw new Refusal(start, step.path, `this is nested deeper than ${rulesLimits.depth} levels`)
    }
    return read(node, step)
  }

  function readSeq(node: YAMLSeq, step: Step) {
    const items = node.items.map((item, index) => {
      const start = rangeStart(item) ?? step.key
      return read(item, { ...step, path: [...step.path, index], key: start })
    })
    return { value: items.map(({ value }) => value), children: new Map(items.entries()) }
  }

  function readMap(node: YAMLMap, step: Step) {
    const children = new Map<PropertyKey, Located>()
    for (const pair of node.items) {
      const key = rangeStart(pair.key) ?? rangeStart(node) ?? step.key
      const name = keyName(pair.key)
      const path = [...step.path, name ?? '']
      const refusal = keyProblem(name, children.has(name ?? ''))
      if (refusal !== null) report(new Refusal(key, path, refusal))
      else if (name !== null) children.set(name, read(pair.value, { ...step, path, key }))
    }
    return { value: Object.fromEntries([...children].map(([name, { value }]) => [name, value])), children }
  }
}

/** As it is written: the result `1.0` is not called `1`. */
function keyName(key: unknown): string | null {
  if (!isScalar(key)) return null
  return typeof key.value === 'string' ? key.value : (key.source ?? String(key.value))
}

function keyProblem(name: string | null, isThere: boolean): string | null {
  if (name === null || name === '')
    return 'a key is needed here; write a name, in quotes where it holds : { } [ ] or *'
  if (name === '__proto__') return '"__proto__" cannot be a key'
  if (name === '<<') return 'merge keys (<<) mean nothing here; write the keys out'
  return isThere ? `${quoted(name)} is written twice; keep one` : null
}

function rangeStart(node: unknown): number | undefined {
  return isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range?.[0] : undefined
}

function createTree(root: Located, placeAt: (offset: number) => Place): RulesTree {
  const find = (path: Path) => {
    let at = root
    for (const step of path) {
      const child = at.children.get(step)
      if (child === undefined) return { at, missing: true }
      at = child
    }
    return { at, missing: false }
  }
  return {
    value: root.value,
    placeOf(path) {
      const { at, missing } = find(path)
      return placeAt(missing || at.value === null ? at.key : at.start)
    },
    placeOfKey: (path) => placeAt(find(path).at.key),
  }
}
