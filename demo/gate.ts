import type { DemoWorld } from './world.js'

/** What a job `mlmm-gate` is told. */
export interface GateVerdict {
  state: string
  summary: string
  lines: string[]
}

/** Asks for the verdict on the pipeline of `sha`, as one of its jobs would. */
export async function askGate({ simulator, serviceUrl }: DemoWorld, sha: string): Promise<GateVerdict> {
  const { pipelines, jobs } = simulator.state
  const pipelineIds = new Set([...pipelines.values()].filter((one) => one.sha === sha).map(({ id }) => id))
  const job = [...jobs.values()].find(({ pipelineId, external }) => pipelineIds.has(pipelineId) && !external)
  if (job === undefined) throw new Error(`No job ran at ${sha}`)
  const token = simulator.idToken({ jobId: job.id, aud: serviceUrl })
  const answer = await fetch(`${serviceUrl}/api/v1/gate?wait=20`, {
    headers: { authorization: `Bearer ${token}` },
  })
  if (!answer.ok) throw new Error(`The gate answered ${answer.status}: ${await answer.text()}`)
  const { state, summary, lines } = (await answer.json()) as GateVerdict
  return { state, summary, lines }
}
