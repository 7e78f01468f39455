/** What a client is to read and write; foreign programs get it as JSON on standard input. */
export interface Task {
  url: string
  token: string
  projectPath: string
  projectId: number
  /** A branch without a merge request, and its head. */
  sourceBranch: string
  sha: string
  pipelineId: number
  /** A merge request with more notes than fit on a page. */
  bulkIid: number
  file: string
  receiver: string
}

/** What a client found; foreign programs print it as JSON. */
export interface Answers {
  user: string
  projectByPath: number
  projectById: string
  madeIid: number
  /** Title, source branch and head. */
  shown: string[]
  listed: number[]
  notes: string[]
  status: string[]
  statuses: string[]
  members: string[]
  pipelines: number[]
  jobs: string[]
  file: string
  rawFile: string
  tree: string[]
  paged: number
  /** Whether the address is right, push events, pipeline events, alert status. */
  hook: [boolean, boolean, boolean, string]
  hooksLeft: number
  errors: { missing: number | null; unauthorized: number | null; limited: number | null }
}

export interface Client {
  name: string
  /** Whether it can ask GitLab for a test delivery. */
  testsHooks: boolean
  exercise(task: Task): Promise<Answers>
}
