import type { Curve } from '../domain/model.js'
import { type WireDefaults, WireReport } from '../schemas/report.js'
import { Problem } from '../errors.js'
import { type PointBudget, pointBudget } from './curve.js'
import { parseJson } from './json.js'
import { limits } from './limits.js'
import { check, type ReportedModel, readModels, refuseSeveralChosen } from './report.js'
import { isPlainObject, type PlainObject, refuseMore } from './values.js'

/** A result file as the job's tool wrote it. */
export interface ResultFile {
  path: string
  text: string
}

const modelFields = ['results', 'metrics', 'parameters', 'hyperparameters', 'curves']

/** Turns the files of one job into models. `mlmm.json` holds a model, a list of models or `{"models": […]}`;
 * `metrics.json` is a flat or nested map of numbers, nested names joined with a dot. Files that describe the same model
 * add to it.
 * @throws Problem UNKNOWN_FILE_FORMAT and those of `readModels` */
export function readFiles(files: ResultFile[], defaults: WireDefaults): ReportedModel[] {
  if (files.length > limits.files) {
    throw new Problem('LIMIT_EXCEEDED', {
      message: `The report has ${files.length} files; at most ${limits.files} are accepted.`,
      field: 'file',
      value: files.length,
    })
  }
  const budget = pointBudget()
  const models = files.flatMap((file) => readContent(parseFile(file), defaults, budget))
  return mergeSame(models)
}

/** A result file, or a report as it is sent, parsed already. */
export interface ResultContent {
  path: string
  content: unknown
}

/** The models of result files and of whole reports. What a report says of its job is left out.
 * @throws Problem as `readFiles` */
export function readContents(contents: ResultContent[], defaults: WireDefaults): ReportedModel[] {
  const budget = pointBudget()
  const models = contents.flatMap(({ path, content }) => {
    if (!isPlainObject(content) || !Array.isArray(content.models)) {
      return readContent({ path, content }, defaults, budget)
    }
    const report = check(WireReport, content, path)
    return readModels(report.models ?? [], { ...defaults, ...report.defaults }, `${path}.models`, budget)
  })
  return mergeSame(models)
}

/** @throws Problem INVALID_JSON, LIMIT_EXCEEDED */
export function parseFile({ path, text }: ResultFile): ResultContent {
  return { path, content: parseJson(text.replace(/^\uFEFF/, ''), path) }
}

function readContent(
  { path, content }: ResultContent,
  defaults: WireDefaults,
  budget: PointBudget,
): ReportedModel[] {
  return readModels(modelsOf(content, path), defaults, path, budget)
}

function modelsOf(content: unknown, path: string): unknown[] {
  if (Array.isArray(content)) return content
  if (!isPlainObject(content)) throw unknownFormat(path, content)
  if (Array.isArray(content.models)) return onlyModels(content, path)
  if (modelFields.some((field) => isPlainObject(content[field]))) return [content]
  return [{ results: flatten(content, path) }]
}

function onlyModels(content: PlainObject, path: string): unknown[] {
  const other = Object.keys(content).find((key) => key !== 'models')
  if (other === undefined) return content.models as unknown[]
  throw new Problem('UNKNOWN_FIELD', {
    message: `${path}: ${other.slice(0, 200)} is not a known field beside models.`,
    field: `${path}.${other.slice(0, 200)}`,
  })
}

function unknownFormat(path: string, value: unknown): Problem {
  return new Problem('UNKNOWN_FILE_FORMAT', {
    message: `${path} is neither a model, a list of models nor a map of numbers.`,
    field: path,
    value,
  })
}

function flatten(content: PlainObject, path: string): PlainObject {
  const flat: [string, unknown][] = []
  const open: [string, PlainObject, number][] = [['', content, 0]]
  for (let item = open.pop(); item !== undefined; item = open.pop()) {
    const [prefix, node, depth] = item
    if (depth > limits.valueDepth) throw tooMuch(path)
    for (const [key, value] of Object.entries(node)) {
      if (flat.length + open.length > limits.results) throw tooMuch(path)
      const name = prefix === '' ? key : `${prefix}.${key}`
      if (isPlainObject(value)) open.push([name, value, depth + 1])
      else flat.push([name, value])
    }
  }
  if (flat.length === 0) throw unknownFormat(path, content)
  return Object.fromEntries(flat)
}

function tooMuch(path: string): Problem {
  return new Problem('LIMIT_EXCEEDED', {
    message: `${path} holds more than ${limits.results} numbers or is nested deeper than ${limits.valueDepth} levels.`,
    field: path,
  })
}

function mergeSame(read: ReportedModel[]): ReportedModel[] {
  const merged = new Map<string, ReportedModel>()
  for (const model of read) {
    const key = JSON.stringify([model.dataset, model.name, model.repeat, model.trial, model.version])
    const first = merged.get(key)
    merged.set(key, first === undefined ? model : merge(first, model))
    refuseMore(merged.size, 'models', 'file')
  }
  const models = [...merged.values()]
  refuseSeveralChosen(models, 'file')
  return models
}

function merge(first: ReportedModel, second: ReportedModel): ReportedModel {
  const both: ReportedModel = {
    ...first,
    parameters: addNamed(first.parameters, second.parameters, first.name, 'parameters'),
    hyperparameters: addNamed(first.hyperparameters, second.hyperparameters, first.name, 'hyperparameters'),
    results: addNamed(first.results, second.results, first.name, 'results'),
    curves: addCurves(first, second),
    chosen: first.chosen || second.chosen,
    datasetDigest: first.datasetDigest ?? second.datasetDigest,
    testSize: first.testSize ?? second.testSize,
    artifacts: [...first.artifacts, ...second.artifacts],
  }
  for (const what of severalOfAModel) refuseMore(both[what].length, what, what)
  return both
}

const severalOfAModel = ['parameters', 'hyperparameters', 'results', 'curves', 'artifacts'] as const

function addCurves(first: ReportedModel, second: ReportedModel): Curve[] {
  const known = new Set(first.curves.map(({ name }) => name))
  const twin = second.curves.find(({ name }) => known.has(name))
  if (twin === undefined) return [...first.curves, ...second.curves]
  throw new Problem('DUPLICATE_MODEL', {
    message: `Two files give the curve "${twin.name.slice(0, 80)}" for the model "${first.name.slice(0, 80)}".`,
    field: `curves.${twin.name}`,
  })
}

function addNamed<T>(
  first: { k: string; v: T }[],
  second: { k: string; v: T }[],
  model: string,
  what: string,
) {
  const known = new Map(first.map(({ k, v }) => [k, JSON.stringify(v)]))
  for (const { k, v } of second) {
    if (known.has(k) && known.get(k) !== JSON.stringify(v)) {
      throw new Problem('DUPLICATE_MODEL', {
        message: `Two files give different ${what} "${k.slice(0, 80)}" for the model "${model.slice(0, 80)}".`,
        field: `${what}.${k.slice(0, 200)}`,
      })
    }
  }
  return [...first, ...second.filter(({ k }) => !known.has(k))]
}
