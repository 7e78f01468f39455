import type { FastifyRequest } from 'fastify'
import { Problem } from '../errors.js'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Refuses what another site's page sends in the name of whoever looks at it: a request that may change something has to
 * come from a page of this service. Browsers of today say so in `Sec-Fetch-Site`, older ones and those without https in
 * `Origin`.
 * @throws Problem ORIGIN_REFUSED */
export function checkOrigin(request: FastifyRequest, ownOrigin: string): void {
  if (safeMethods.has(request.method)) return
  const { 'sec-fetch-site': site, origin } = request.headers
  if (origin !== undefined && origin !== ownOrigin) throw refused('origin', origin)
  if (site !== undefined && site !== 'same-origin') throw refused('sec-fetch-site', String(site))
  if (origin === undefined && site === undefined) throw refused('origin', 'missing')
}

function refused(field: string, value: string): Problem {
  return new Problem('ORIGIN_REFUSED', {
    message: 'The request was not sent by a page of this service.',
    field,
    value,
  })
}
