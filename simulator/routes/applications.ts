import { messageError, parameterError } from '../errors.js'
import {
  createApplication,
  deleteApplication,
  knownScopes,
  newSecret,
  scopeList,
} from '../oauth/applications.js'
import type { Application } from '../state.js'
import type { Api, SignedAsk } from './api.js'
import { offsetPage } from './paging.js'
import { flag, integer, requiredText, requireAdmin } from './parameters.js'

/** OAuth applications of the instance; the secret is told once. */
export function addApplicationRoutes(api: Api): void {
  api.signed('GET', '/applications', (ask) => {
    requireAdmin(ask)
    return offsetPage(ask, [...ask.world.state.applications.values()]).map(present)
  })
  api.signed('POST', '/applications', create)
  api.signed('POST', '/applications/:id/renew-secret', (ask) => {
    const application = applicationOf(ask)
    application.clientSecret = newSecret()
    return { ...present(application), secret: application.clientSecret }
  })
  api.signed('DELETE', '/applications/:id', (ask) => {
    deleteApplication(ask.world, applicationOf(ask).id)
    ask.reply.code(204)
  })
}

function create(ask: SignedAsk): unknown {
  requireAdmin(ask)
  const { body } = ask
  const name = requiredText(ask, 'name')
  const redirectUri = requiredText(ask, 'redirect_uri')
  const scopes = scopeList(requiredText(ask, 'scopes'))
  if (scopes.length === 0) throw parameterError('scopes is empty')
  if (!scopes.every((scope) => knownScopes.includes(scope))) {
    throw messageError(400, { scopes: ["doesn't match configured on the server."] })
  }
  for (const uri of redirectUri.split(/\s+/)) checkRedirect(uri)
  const application = createApplication(ask.world, {
    name,
    redirectUri,
    scopes,
    confidential: body['confidential'] === undefined || flag(body['confidential']),
    trusted: flag(body['trusted']),
  })
  ask.reply.code(201)
  return { ...present(application), secret: application.clientSecret }
}

function checkRedirect(uri: string): void {
  if (!URL.canParse(uri)) throw messageError(400, { redirect_uri: ['must be an absolute URI.'] })
  if (uri.includes('#')) throw messageError(400, { redirect_uri: ['cannot contain a fragment.'] })
}

function applicationOf(ask: SignedAsk): Application {
  requireAdmin(ask)
  const application = ask.world.state.applications.get(integer(ask.params['id'], 'id'))
  if (application === undefined) throw messageError(404, '404 Application Not Found')
  return application
}

function present(application: Application): Record<string, unknown> {
  return {
    id: application.id,
    application_id: application.clientId,
    application_name: application.name,
    callback_url: application.redirectUris.join('\n'),
    confidential: application.confidential,
  }
}
