/** Projects without a repository: their paths start with `~` and the username of who made them. */

export type MemberLevel = 20 | 30 | 40

/** A person that a standalone project was opened to. */
export interface StandaloneMember {
  gitlabUserId: number
  /** When they were added. */
  username: string
  accessLevel: MemberLevel
}

/** The person's role in a standalone project; null for who is no member. */
export function standaloneLevel(
  project: { members: readonly StandaloneMember[] },
  gitlabUserId: number,
): MemberLevel | null {
  return project.members.find((member) => member.gitlabUserId === gitlabUserId)?.accessLevel ?? null
}

export function standalonePath(username: string, name: string): string {
  return `~${username}/${name}`
}

const mostNameCharacters = 100

/** Whether a project may have the name, by GitLab's rules for the last part of a path. */
export function isProjectName(name: string): boolean {
  if (name.length > mostNameCharacters || !/^[a-z0-9_][a-z0-9_.-]*$/i.test(name)) return false
  return !/(\.|\.git|\.atom)$/i.test(name)
}
