import { GitLabError } from '../gitlab/errors.js'
import type { GitLab } from '../gitlab/port.js'

const freshMs = 24 * 3_600_000
/** The first GitLab whose Mermaid is known to draw `xychart-beta` (Mermaid 10.6 and later). */
const chartsSince = 17

export interface GitLabFeatures {
  /** Whether notes may hold a Mermaid chart; false where GitLab does not tell its version. */
  drawsCharts(): Promise<boolean>
}

/** What this GitLab can do, by its version, which is asked for once a day. */
export function createGitLabFeatures({
  gitlab,
  clock,
}: {
  gitlab: Pick<GitLab, 'getVersion'>
  clock: () => Date
}): GitLabFeatures {
  let known: { version: string | null; untilMs: number } | null = null

  async function version(): Promise<string | null> {
    const nowMs = clock().getTime()
    if (known !== null && known.untilMs > nowMs) return known.version
    known = { version: await ask(), untilMs: nowMs + freshMs }
    return known.version
  }

  async function ask(): Promise<string | null> {
    try {
      return await gitlab.getVersion()
    } catch (error) {
      if (error instanceof GitLabError) return null // A note without a chart is better than none.
      throw error
    }
  }

  return { drawsCharts: async () => Number.parseInt((await version()) ?? '0', 10) >= chartsSince }
}
