import {
  isProjectName,
  type MemberLevel,
  standaloneLevel,
  type StandaloneMember,
  standalonePath,
} from '../domain/standalone.js'
import { Problem } from '../errors.js'
import type { GitLab, GitLabPerson } from '../gitlab/port.js'
import type { PersonAccess } from '../plugins/person-access.js'
import type { Person } from '../plugins/person-identity.js'
import { askGitLab } from '../plugins/project-access.js'
import type { ProjectStore, StandaloneProject } from '../stores/project-store.js'

export interface StandaloneProjectsOptions {
  gitlab: Pick<GitLab, 'findUser' | 'findUserByName'>
  personAccess: Pick<PersonAccess, 'getUser'>
  projects: Pick<
    ProjectStore,
    'createStandalone' | 'findAny' | 'setDescription' | 'setMember' | 'changeMember' | 'removeMember'
  >
  clock: () => Date
}

/** What people do with projects without a repository. Who may do it was asked before. */
export function createStandaloneProjects(options: StandaloneProjectsOptions) {
  const { gitlab, personAccess, projects, clock } = options

  /** @throws Problem API_TOKEN_READ_ONLY, INVALID_PROJECT_NAME, PROJECT_EXISTS */
  async function create(
    person: Person,
    { name, description = '' }: { name: string; description?: string | undefined },
  ): Promise<StandaloneProject> {
    if (person.scope !== 'write') {
      throw new Problem('API_TOKEN_READ_ONLY', { message: 'The token may only read.' })
    }
    if (person.projectIds !== null) {
      throw new Problem('API_TOKEN_READ_ONLY', { message: 'The token is limited to other projects.' })
    }
    if (!isProjectName(name)) {
      throw new Problem('INVALID_PROJECT_NAME', {
        message: 'The name cannot be part of an address.',
        field: 'name',
        value: name,
      })
    }
    const user = await personAccess.getUser(person)
    const path = standalonePath(user.username, name)
    const made = await projects.createStandalone(
      { path, name, description, createdBy: { gitlabUserId: user.id, username: user.username } },
      clock(),
    )
    if (made !== null) return made
    throw new Problem('PROJECT_EXISTS', { message: `There is a project ${path} already.`, field: 'name' })
  }

  async function describe(project: StandaloneProject, description: string): Promise<void> {
    await projects.setDescription(project.id, description)
  }

  /** @throws Problem NO_SUCH_USER, LAST_MAINTAINER */
  async function addMember(
    project: StandaloneProject,
    username: string,
    accessLevel: MemberLevel,
  ): Promise<GitLabPerson> {
    const found = await askGitLab(() => gitlab.findUserByName(username.replace(/^@/, '')))
    const user = found === null ? null : await askGitLab(() => gitlab.findUser(found.id))
    if (user === null || user.state !== 'active') {
      throw new Problem('NO_SUCH_USER', {
        message: 'GitLab has no active user of this name.',
        field: 'username',
        value: username,
      })
    }
    const member = { gitlabUserId: user.id, username: user.username, accessLevel }
    if (!(await projects.setMember(project.id, member))) throw lastMaintainer(project)
    return user
  }

  /** @throws Problem NOT_FOUND, LAST_MAINTAINER */
  async function changeMember(
    project: StandaloneProject,
    gitlabUserId: number,
    accessLevel: MemberLevel,
  ): Promise<void> {
    const known = getMember(project, gitlabUserId)
    if (await projects.changeMember(project.id, { ...known, accessLevel })) return
    throw await refusalOf(project, gitlabUserId)
  }

  /** @throws Problem NOT_FOUND, LAST_MAINTAINER */
  async function removeMember(project: StandaloneProject, gitlabUserId: number): Promise<void> {
    getMember(project, gitlabUserId)
    if (await projects.removeMember(project.id, gitlabUserId)) return
    throw await refusalOf(project, gitlabUserId)
  }

  /** Somebody else may have removed the member meanwhile. */
  async function refusalOf({ id, path }: StandaloneProject, gitlabUserId: number): Promise<Problem> {
    const now = await projects.findAny(id)
    const isMember = now?.gitlabProjectId === null && standaloneLevel(now, gitlabUserId) !== null
    return isMember ? lastMaintainer({ path }) : noSuchMember()
  }

  return { create, describe, addMember, changeMember, removeMember }
}

export type StandaloneProjects = ReturnType<typeof createStandaloneProjects>

function getMember({ members }: StandaloneProject, gitlabUserId: number): StandaloneMember {
  const member = members.find((one) => one.gitlabUserId === gitlabUserId)
  if (member !== undefined) return member
  throw noSuchMember()
}

function noSuchMember(): Problem {
  return new Problem('NOT_FOUND', { message: 'There is no such member.' })
}

function lastMaintainer({ path }: Pick<StandaloneProject, 'path'>): Problem {
  return new Problem('LAST_MAINTAINER', {
    message: `${path} would have no Maintainer, or has 1,000 members.`,
  })
}
