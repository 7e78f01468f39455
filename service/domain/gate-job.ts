/** Waits for our verdict, so it is not waited for. */
const gateJob = 'mlmm-gate'

export function isGateJob({ name }: { name: string }): boolean {
  return name === gateJob
}
