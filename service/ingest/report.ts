import type { z } from 'zod'
import type { Artifact, Curve, Json, Named } from '../domain/model.js'
import { Problem } from '../errors.js'
import { type WireDefaults, WireArtifact, WireModel, WireReport, WireTokenReport } from '../schemas/report.js'
import { type PointBudget, pointBudget, readCurves } from './curve.js'
import { limits } from './limits.js'
import { isPlainObject, readFloats, readName, readSettings, readText, refuseMore } from './values.js'

export interface ReportedJob {
  name: string | null
  status: string | null
  url: string | null
}

/** A model as a job reports it; who reports, and from which commit, comes from the credential. */
export interface ReportedModel {
  dataset: string
  name: string
  repeat: string | null
  trial: string | null
  /** This trial stands for its model. */
  chosen: boolean
  version: string | null
  parameters: Named<Json>[]
  hyperparameters: Named<Json>[]
  results: Named<number>[]
  curves: Curve[]
  datasetDigest: string | null
  testSize: number | null
  artifacts: Artifact[]
}

export interface Report {
  job: ReportedJob
  models: ReportedModel[]
}

/** What a person reports also says where it belongs. */
export interface TokenReport extends Report {
  /** A path, our id or GitLab's number, as it was sent. */
  project: string
  commit: string | null
  branch: string | null
}

/** Reads the JSON body of a report with an API token.
 * @throws Problem with the field and value of the first thing that is wrong */
export function readTokenReport(body: unknown): TokenReport {
  const wire = check(WireTokenReport, body, '')
  const report = {
    job: readJob(wire.job),
    models: readModels(wire.models ?? [], wire.defaults ?? {}, 'models', pointBudget()),
  }
  return { ...report, ...readPlace(wire, '') }
}

/** @throws Problem */
export function readPlace(
  { project, commit, branch }: Pick<z.infer<typeof WireTokenReport>, 'project' | 'commit' | 'branch'>,
  field: string,
): Omit<TokenReport, keyof Report> {
  return {
    project: String(project),
    commit: commit?.toLowerCase() ?? null,
    branch: readOptionalText(branch, field === '' ? 'branch' : `${field}.branch`),
  }
}

/** Reads the JSON body of a report. A model's own names win over the job's defaults.
 * @throws Problem with the field and value of the first thing that is wrong */
export function readReport(body: unknown): Report {
  const report = check(WireReport, body, '')
  const models = report.models ?? []
  return {
    job: readJob(report.job),
    models: readModels(models, report.defaults ?? {}, 'models', pointBudget()),
  }
}

export function readJob(job: z.infer<typeof WireReport>['job']): ReportedJob {
  return {
    name: readOptionalText(job?.name, 'job.name'),
    status: readOptionalText(job?.status, 'job.status'),
    url: readOptionalText(job?.url, 'job.url'),
  }
}

function readOptionalText(value: string | null | undefined, field: string): string | null {
  return value === undefined || value === null ? null : readText(value, field)
}

/** @throws Problem */
export function readModels(
  models: unknown[],
  defaults: WireDefaults,
  field: string,
  budget: PointBudget,
): ReportedModel[] {
  refuseMore(models.length, 'models', field)
  const read = models.map((model, index) => readModel(model, defaults, `${field}[${index}]`, budget))
  refuseTwins(read, field)
  refuseSeveralChosen(read, field)
  return read
}

function readModel(
  model: unknown,
  defaults: WireDefaults,
  field: string,
  budget: PointBudget,
): ReportedModel {
  const wire = check(WireModel, model, field)
  const trial = readLabel(wire.trial ?? defaults.trial, `${field}.trial`)
  if (wire.chosen === true && trial === null) throw chosenWithoutTrial(field)
  return {
    dataset: readName(wire.dataset ?? defaults.dataset ?? 'default', `${field}.dataset`),
    name: readName(wire.name ?? defaults.model ?? missingName(field), `${field}.name`),
    repeat: readLabel(wire.repeat ?? defaults.repeat, `${field}.repeat`),
    trial,
    chosen: wire.chosen ?? false,
    version: readLabel(wire.version, `${field}.version`),
    parameters: readSettings(wire.parameters, `${field}.parameters`, limits.parameters),
    hyperparameters: readSettings(wire.hyperparameters, `${field}.hyperparameters`, limits.hyperparameters),
    results: readResults(wire, field),
    curves: readCurves(wire.curves, `${field}.curves`, budget),
    datasetDigest: readOptionalText(wire.dataset_digest, `${field}.dataset_digest`),
    testSize: wire.test_size ?? null,
    artifacts: readArtifacts(wire.artifacts ?? [], `${field}.artifacts`),
  }
}

function readArtifacts(artifacts: unknown[], field: string): Artifact[] {
  refuseMore(artifacts.length, 'artifacts', field)
  return artifacts.map((artifact, index) => {
    const at = `${field}[${index}]`
    const { path, size, sha256 } = check(WireArtifact, artifact, at)
    return { path: readText(path, `${at}.path`), sizeBytes: size ?? null, sha256: sha256 ?? null }
  })
}

function chosenWithoutTrial(field: string): Problem {
  return new Problem('INVALID_BODY', {
    message: `${field}.chosen says which trial counts, but the model is no trial; set ${field}.trial or MLMM_TRIAL.`,
    field: `${field}.chosen`,
    value: true,
  })
}

function missingName(field: string): never {
  throw new Problem('INVALID_BODY', {
    message: `${field}.name is missing; set it there or with MLMM_MODEL.`,
    field: `${field}.name`,
  })
}

/** Repeats, trials and versions are labels: `3` and `"3"` are the same one. */
function readLabel(value: unknown, field: string): string | null {
  if (value === undefined || value === null || value === '') return null
  return readName(typeof value === 'number' ? String(value) : value, field)
}

function readResults(wire: WireModel, field: string): Named<number>[] {
  if (wire.results !== undefined && wire.metrics !== undefined) {
    throw new Problem('INVALID_BODY', {
      message: `${field} has both results and metrics, which mean the same; send one of them.`,
      field: `${field}.metrics`,
    })
  }
  if (wire.results === undefined && wire.metrics === undefined) {
    throw new Problem('INVALID_BODY', { message: `${field}.results is missing.`, field: `${field}.results` })
  }
  return readFloats(wire.results ?? wire.metrics, `${field}.results`)
}

function refuseTwins(models: ReportedModel[], field: string): void {
  const seen = new Map<string, number>()
  for (const [index, model] of models.entries()) {
    const key = JSON.stringify([model.dataset, model.name, model.repeat, model.trial, model.version])
    const twin = seen.get(key)
    if (twin !== undefined) {
      throw new Problem('DUPLICATE_MODEL', {
        message: `${field}[${index}] has the same name and dataset as ${field}[${twin}].`,
        field: `${field}[${index}]`,
        value: model.name,
      })
    }
    seen.set(key, index)
  }
}

/** Repeats of one trial may all be chosen, two trials of one search may not.
 * @throws Problem INVALID_BODY */
export function refuseSeveralChosen(models: readonly ReportedModel[], field: string): void {
  const chosen = new Map<string, ReportedModel>()
  for (const model of models) {
    if (!model.chosen) continue
    const key = JSON.stringify([model.dataset, model.name])
    const other = chosen.get(key)
    if (other !== undefined && other.trial !== model.trial) throw severalChosen(other, model, field)
    chosen.set(key, model)
  }
}

function severalChosen(one: ReportedModel, other: ReportedModel, field: string): Problem {
  const [name, first, second] = [one.name, one.trial ?? '', other.trial ?? ''].map((text) =>
    text.slice(0, 80),
  )
  return new Problem('INVALID_BODY', {
    message: `The trials "${first}" and "${second}" of the model "${name}" are both chosen; choose one.`,
    field: `${field}.chosen`,
    value: other.trial,
  })
}

/** Checks `value` against a strict schema and answers with the first problem in our own words.
 * @throws Problem UNKNOWN_FIELD, INVALID_BODY */
export function check<T extends z.ZodType>(schema: T, value: unknown, field: string): z.infer<T> {
  if (!isPlainObject(value)) {
    throw new Problem('INVALID_BODY', { message: `${field || 'The body'} must be an object.`, field, value })
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  if (issue?.code === 'unrecognized_keys') {
    const at = joinPath(field, [...issue.path, issue.keys[0] ?? ''])
    throw new Problem('UNKNOWN_FIELD', { message: `${at} is not a known field.`, field: at })
  }
  const at = joinPath(field, issue?.path ?? [])
  throw new Problem('INVALID_BODY', { message: `${at}: ${issue?.message ?? 'invalid'}.`, field: at })
}

function joinPath(field: string, path: PropertyKey[]): string {
  return path.reduce<string>((joined, key) => {
    if (typeof key === 'number') return `${joined}[${key}]`
    return joined === '' ? String(key).slice(0, 200) : `${joined}.${String(key).slice(0, 200)}`
  }, field)
}
