import type { Curve } from '../domain/model.js'
import { Problem } from '../errors.js'
import { limits } from './limits.js'
import { readEntries, readFloat, readName } from './values.js'

/** Counts the points of a whole report, so that the limit holds over all its curves. */
export interface PointBudget {
  left: number
}

export function pointBudget(): PointBudget {
  return { left: limits.points }
}

/** Curves as `{"loss": [[step, value], …]}`.
 * @throws Problem INVALID_BODY, INVALID_NAME, LIMIT_EXCEEDED */
export function readCurves(value: unknown, field: string, budget: PointBudget): Curve[] {
  return readEntries(value, field, limits.curves).map(([name, points]) =>
    readCurve(readName(name, `${field} (a name)`), points, `${field}.${name}`, budget),
  )
}

function readCurve(name: string, points: unknown, field: string, budget: PointBudget): Curve {
  if (!Array.isArray(points)) {
    throw new Problem('INVALID_BODY', {
      message: `${field} must be a list of [step, value].`,
      field,
      value: points,
    })
  }
  budget.left -= points.length
  if (budget.left < 0) {
    throw new Problem('LIMIT_EXCEEDED', {
      message: `The report has more than ${limits.points} curve points; ${field} is over the limit.`,
      field,
      value: points.length,
    })
  }
  const steps = new Float64Array(points.length)
  const values = new Float64Array(points.length)
  for (let i = 0; i < points.length; i += 1) {
    const point: unknown = points[i]
    if (!Array.isArray(point) || point.length !== 2) throw notAPoint(point, `${field}[${i}]`)
    steps[i] = readStep(point[0], field, i)
    values[i] = typeof point[1] === 'number' ? point[1] : readFloat(point[1], `${field}[${i}][1]`)
  }
  return { name, steps, values }
}

function notAPoint(value: unknown, field: string): Problem {
  return new Problem('INVALID_BODY', { message: `${field} must be [step, value].`, field, value })
}

function readStep(value: unknown, field: string, index: number): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  const at = `${field}[${index}][0]`
  throw new Problem('INVALID_BODY', { message: `${at}, a step, must be a finite number.`, field: at, value })
}
