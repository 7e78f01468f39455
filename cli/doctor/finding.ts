import type { Config } from '../../service/config.js'

/** What one link was found to be. */
export interface Finding {
  state: 'ok' | 'problem' | 'skipped'
  /** What was looked at, in a word or two. */
  name: string
  text: string
  /** What to do about a problem. */
  fix?: string
}

export interface DoctorContext {
  config: Config
  /** Whether MONGODB_URL is set; if not, `npm start` and Docker Compose bring a database. */
  hasDatabaseUrl: boolean
  /** Path of a project in GitLab. */
  project: string | null
  now: () => Date
}

export type Check = (context: DoctorContext) => Promise<Finding[]>

/** For one name. */
export function findingsOf(name: string) {
  return {
    ok: (text: string): Finding => ({ state: 'ok', name, text }),
    skipped: (text: string): Finding => ({ state: 'skipped', name, text }),
    problem: (text: string, fix: string): Finding => ({ state: 'problem', name, text, fix }),
  }
}
