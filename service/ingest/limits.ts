/** What one report may hold at most. Each limit is named in the error that enforces it. */
export const limits = {
  bodyBytes: 32 * 1024 * 1024,
  models: 500,
  results: 1_000,
  parameters: 1_000,
  hyperparameters: 1_000,
  nameCharacters: 200,
  valueBytes: 10 * 1024,
  valueDepth: 20,
  curves: 1_000,
  points: 1_000_000,
  artifacts: 1_000,
  files: 50,
  /** Of any one object; more than the limits above leave room for. */
  objectNames: 10_000,
} as const
