/** What a pipeline's compiled configuration says of the jobs that hold our ID token, so that they are to report. */
export interface ExpectedJobs {
  /** As the configuration names them: without what `parallel` adds. */
  names: string[]
  /** Names of the jobs that wait for our verdict. */
  gates: string[]
  /** Whether a job starts other pipelines, which may hold more of them. */
  startsPipelines: boolean
}

/** The name of a job without what `parallel` adds: `train: [tree, iris]` and `train 1/3` are `train`. */
export function baseJobName(name: string): string {
  return name.replace(/: \[.*\]$/su, '').replace(/ \d+\/\d+$/, '')
}
