/** What a rules file may hold at most. Each limit is named in the error that enforces it. */
export const rulesLimits = {
  bytes: 64 * 1024,
  depth: 20,
  /** Values, after each alias is replaced by what it stands for. */
  values: 20_000,
  /** Each is held against every reported name: of results there may be tens of thousands. */
  resultPatterns: 200,
  modelPatterns: 1_000,
  /** So many problems are named at once. */
  problems: 20,
} as const
