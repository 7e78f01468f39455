import type { JobConfig } from './pipeline-config.js'
import { PipelineError } from './pipeline-error.js'
import type { Variables } from './variables.js'

export interface JobInstance {
  name: string
  variables: Variables
}

const most = 200

/** The jobs that `parallel` makes of one, named as GitLab names them: `train: [a, b]`, `test 1/3`. */
export function listInstances(name: string, parallel: JobConfig['parallel']): JobInstance[] {
  if (parallel === undefined) return [{ name, variables: {} }]
  const named =
    typeof parallel === 'number'
      ? Array.from({ length: parallel }, (_, at) => ({
          name: `${name} ${at + 1}/${parallel}`,
          variables: {},
        }))
      : parallel.matrix.flatMap(combine).map((variables) => ({
          name: `${name}: [${Object.values(variables).join(', ')}]`,
          variables,
        }))
  if (named.length === 0 || named.length > most) {
    throw new PipelineError(`jobs:${name}:parallel makes ${named.length} jobs; 1 to ${most} can be`)
  }
  return named.map((instance, at) => ({
    name: instance.name,
    variables: {
      ...instance.variables,
      CI_NODE_INDEX: String(at + 1),
      CI_NODE_TOTAL: String(named.length),
    },
  }))
}

function combine(axes: Record<string, string[]>): Variables[] {
  return Object.entries(axes).reduce<Variables[]>(
    (rows, [name, values]) => rows.flatMap((row) => values.map((value) => ({ ...row, [name]: value }))),
    [{}],
  )
}
