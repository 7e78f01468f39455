import { canAccept, canConfigure, canDelete, canExclude, canReport, roleName } from '../domain/permissions.js'
import { Problem } from '../errors.js'
import type { Person } from './person-identity.js'

/** What a person may do beyond reading, and the role that they have to have for it. */
const actions = {
  report: { isAllowed: canReport, role: 'Developer', words: 'To report models' },
  exclude: { isAllowed: canExclude, role: 'Developer', words: 'To exclude or include a model' },
  accept: { isAllowed: canAccept, role: 'Maintainer', words: 'To accept broken rules' },
  configure: { isAllowed: canConfigure, role: 'Maintainer', words: 'To change the settings of a project' },
  connect: { isAllowed: canConfigure, role: 'Maintainer', words: 'To connect a project' },
  delete: { isAllowed: canDelete, role: 'Maintainer', words: 'To delete models or a project' },
} as const

export type PersonAction = keyof typeof actions

interface ActingVisitor {
  user: { username: string }
  project: { path: string }
  accessLevel: number | null
}

/** Why a person who may read the project may not do that in it: API_TOKEN_READ_ONLY, ROLE_TOO_LOW; null where they may. */
export function refusalOf(
  person: Pick<Person, 'scope'>,
  { user, project, accessLevel }: ActingVisitor,
  action: PersonAction,
): Problem | null {
  if (person.scope !== 'write') {
    return new Problem('API_TOKEN_READ_ONLY', { message: 'The token may only read.' })
  }
  const { isAllowed, role, words } = actions[action]
  if (isAllowed(accessLevel)) return null
  const name = roleName(accessLevel)
  const now = name === null ? `${user.username} is no member` : `${user.username} is ${name}`
  return new Problem('ROLE_TOO_LOW', {
    message: `${words}, one has to be ${role} of ${project.path} or higher; ${now}.`,
  })
}
