import { randomBytes } from 'node:crypto'

import type { Application } from '../state.js'
import type { World } from '../world.js'

export interface NewApplication {
  name: string
  /** One address, or one a line as in GitLab. */
  redirectUri: string
  /** Separated by spaces, or a list. */
  scopes: string | string[]
  /** Default true. */
  confidential?: boolean
  /** Skips the page that asks for consent. Default false. */
  trusted?: boolean
}

export const knownScopes = [
  'api',
  'read_api',
  'read_user',
  'read_repository',
  'write_repository',
  'openid',
  'profile',
  'email',
]

export function createApplication(world: World, input: NewApplication): Application {
  const application: Application = {
    id: world.state.nextId('application'),
    name: input.name,
    clientId: randomBytes(32).toString('hex'),
    clientSecret: newSecret(),
    redirectUris: input.redirectUri.split(/\s+/).filter((uri) => uri !== ''),
    scopes: Array.isArray(input.scopes) ? input.scopes : scopeList(input.scopes),
    confidential: input.confidential ?? true,
    trusted: input.trusted ?? false,
    createdAt: world.now(),
  }
  world.state.applications.set(application.id, application)
  return application
}

export function newSecret(): string {
  return `gloas-${randomBytes(32).toString('hex')}`
}

export function scopeList(text: string): string[] {
  return text.split(/[\s,]+/).filter((scope) => scope !== '')
}

export function findApplication(world: World, clientId: string): Application | null {
  for (const application of world.state.applications.values()) {
    if (application.clientId === clientId) return application
  }
  return null
}

/** With an application go its codes and tokens. */
export function deleteApplication(world: World, applicationId: number): void {
  const { state } = world
  state.applications.delete(applicationId)
  for (const kind of [state.authorizationCodes, state.refreshTokens, state.tokens]) {
    for (const [value, entry] of kind) if (entry.applicationId === applicationId) kind.delete(value)
  }
}
