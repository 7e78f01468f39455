/** GitLab's numbers of the roles; in between and above there may be others. */
const role = { guest: 10, reporter: 20, developer: 30, maintainer: 40, owner: 50 } as const

/** GitLab names this number for administrators and gives it to nobody. */
export const administratorLevel = 60

/** Whether everyone may read the project's models: GitLab must show its pipelines to everyone, too. */
export function isOpenToEveryone(project: { visibility: string; pipelinesOpen: boolean }): boolean {
  return project.visibility === 'public' && project.pipelinesOpen
}

/** Whether the bot may write a merge request's note. */
export function canPost(accessLevel: number | null): boolean {
  return accessLevel !== null && accessLevel >= role.developer
}

/** Whether the bot may register webhooks. */
export function canRegisterHook(accessLevel: number | null): boolean {
  return accessLevel !== null && accessLevel >= role.maintainer
}

/** Somebody who is active in GitLab, beside one project. */
export interface Viewer {
  /** Null for who is no member. */
  accessLevel: number | null
  /** GitLab shows external users only what they are members of; null where it does not tell. */
  external: boolean | null
}

/** What of a project decides who may read it. */
export interface Readable {
  visibility: string
  pipelinesOpen: boolean
  /** Since when it is gone from GitLab. */
  orphanedAt?: Date | null
}

/** Whether the person may read the project's models. Who might be external counts as external. What is gone from
 * GitLab is left to administrators. */
export function canRead(project: Readable, viewer: Viewer): boolean {
  if (project.orphanedAt) return isAtLeast(administratorLevel, viewer.accessLevel)
  if (isAtLeast(role.reporter, viewer.accessLevel) || isOpenToEveryone(project)) return true
  if (project.visibility !== 'internal' || !project.pipelinesOpen) return false
  return viewer.external === false || isAtLeast(role.guest, viewer.accessLevel)
}

/** Whether the person may report models with an API token. */
export function canReport(accessLevel: number | null): boolean {
  return isAtLeast(role.developer, accessLevel)
}

/** Whether the person may delete models, or the whole project. */
export function canDelete(accessLevel: number | null): boolean {
  return isAtLeast(role.maintainer, accessLevel)
}

/** Whether the person may take a model out of all comparisons, and back in. */
export function canExclude(accessLevel: number | null): boolean {
  return isAtLeast(role.developer, accessLevel)
}

/** Whether the person may accept broken rules of a merge request. */
export function canAccept(accessLevel: number | null): boolean {
  return isAtLeast(role.maintainer, accessLevel)
}

/** Whether the person may change what the service does for the project. */
export function canConfigure(accessLevel: number | null): boolean {
  return isAtLeast(role.maintainer, accessLevel)
}

function isAtLeast(wanted: number, accessLevel: number | null): boolean {
  return accessLevel !== null && accessLevel >= wanted
}

/** GitLab's word for a role, of one in between that for the next lower. */
export function roleName(accessLevel: number | null): string | null {
  const names = Object.entries(role).filter(([, level]) => isAtLeast(level, accessLevel))
  const name = names.at(-1)?.[0]
  return name === undefined ? null : `${name.charAt(0).toUpperCase()}${name.slice(1)}`
}
