import { messageError } from '../errors.js'
import { presentUser } from '../present/users.js'
import type { User } from '../state.js'
import type { Api } from './api.js'
import { offsetPage } from './paging.js'

export function addUserRoutes(api: Api): void {
  api.signed('GET', '/user', (ask) => presentUser(ask.world, ask.user, ask.user))

  api.route(
    'GET',
    '/users/:id',
    (ask) => {
      const user = ask.world.state.users.get(Number(ask.params['id']))
      if (user === undefined) throw messageError(404, '404 User Not Found')
      return presentUser(ask.world, user, ask.caller.user)
    },
    { anonymous: true },
  )

  api.signed('GET', '/users', (ask) => {
    const { username, search } = ask.query
    const found = [...ask.world.state.users.values()].filter(
      (user) =>
        (typeof username !== 'string' || user.username.toLowerCase() === username.toLowerCase()) &&
        (typeof search !== 'string' || isFound(user, search.toLowerCase())),
    )
    return offsetPage(ask, found).map((user) => presentUser(ask.world, user, ask.user))
  })

  for (const path of ['/version', '/metadata']) {
    api.signed('GET', path, (ask) => ({
      version: ask.world.profile.version,
      revision: 'simulated',
      kas: { enabled: false, externalUrl: null, version: null },
      enterprise: false,
    }))
  }
}

function isFound(user: User, search: string): boolean {
  return `${user.username} ${user.name}`.toLowerCase().includes(search) || user.email === search
}
