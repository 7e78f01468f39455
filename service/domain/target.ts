/** What a pipeline was run for, as its ref in GitLab tells. */
export type PipelineTarget =
  | { kind: 'merge_request'; mrIid: number; mergedResults: boolean }
  | { kind: 'branch'; branch: string }
  /** Tags and merge trains get no note. */
  | { kind: 'none' }

export function pipelineTarget(pipeline: { ref: string; tag: boolean }): PipelineTarget {
  const match = /^refs\/merge-requests\/(\d+)\/(head|merge|train)$/.exec(pipeline.ref)
  if (match !== null) {
    if (match[2] === 'train') return { kind: 'none' }
    return { kind: 'merge_request', mrIid: Number(match[1]), mergedResults: match[2] === 'merge' }
  }
  return pipeline.tag ? { kind: 'none' } : { kind: 'branch', branch: pipeline.ref }
}

const endedStatuses = new Set(['success', 'failed', 'canceled', 'skipped', 'manual', 'scheduled'])

/** Whether nothing more will come of a job or pipeline by itself. */
export function hasEnded(status: string): boolean {
  return endedStatuses.has(status)
}
