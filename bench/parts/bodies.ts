/** Stands for the number of an upload, see children/load.ts. */
const number = '@@@@@@@@@'

const settingsPerModel = 10

/** One model of 10 parameters, 10 hyperparameters and 10 results, 700 bytes. */
export function modelBody(job: string): string {
  return JSON.stringify({ job: { name: job, status: 'success' }, models: [model('')] })
}

export function reportBody(job: string, models: number): string {
  const all = Array.from({ length: models }, (_, index) => model(`-${index}`))
  return JSON.stringify({ job: { name: job, status: 'success' }, models: all })
}

function model(suffix: string) {
  return {
    name: `model-${number}${suffix}`,
    dataset: `set-${number}`,
    parameters: settings('p', (index) => (index % 2 === 0 ? `value ${index}` : index * 3)),
    hyperparameters: settings('h', (index) => 0.001 * (index + 1)),
    results: settings('r', (index) => 0.123456789 + index / 100),
  }
}

function settings(name: string, value: (index: number) => string | number): Record<string, string | number> {
  return Object.fromEntries(
    Array.from({ length: settingsPerModel }, (_, index) => [`${name}${index}`, value(index)]),
  )
}

/** One model with `curves` curves of `points` points each: steps and doubles of full length. */
export function curvesBody(job: string, { curves, points }: { curves: number; points: number }): string {
  const all = Array.from({ length: curves }, (_, curve) => [
    `curve_${curve}`,
    Array.from({ length: points }, (_, step) => [
      step * 10,
      Math.exp(-step / 500) + Math.sin(step) / (50 + curve),
    ]),
  ])
  const one = { ...model(''), curves: Object.fromEntries(all) }
  return JSON.stringify({ job: { name: job, status: 'success' }, models: [one] })
}
