/** GitLab's numbers of the roles; in between and above there may be others. */
const role = { guest: 10, reporter: 20, developer: 30, maintainer: 40, owner: 50 } as const

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
