import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'

/** Who a route is for. `job`: an ID token; `person`: a personal token or a session; `session`: a
 * signed-in browser; `open-project`: everyone, for projects that are
 * open to everyone; `webhook`: a project's secret; `everyone`: nothing to protect. */
export type AccessRule =
  | 'job'
  | 'person'
  | 'session'
  | 'job-or-person'
  | 'open-project'
  | 'job-or-person-or-open-project'
  | 'person-or-open-project'
  | 'webhook'
  | 'everyone'

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: AccessRule
  }
}

/** Refuses at start-up any route that declares no rule. */
export const accessRules = fp(
  async (fastify: FastifyInstance) => {
    fastify.addHook('onRoute', (route) => {
      if (route.config?.access === undefined)
        throw new Error(`${route.method} ${route.url} declares no access rule`)
    })
  },
  { name: 'access-rules', fastify: '5.x' },
)
