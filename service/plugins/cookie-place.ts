import type { CookieSerializeOptions } from '@fastify/cookie'

interface CookiePlace {
  cookieName: string
  cookieOptions: CookieSerializeOptions
}

/** How a cookie of this service is called and where browsers send it. Behind https its name starts with `__Host-`: then
 * no other host, and no page without https, can set it. */
export function cookiePlace(publicUrl: string, name: string): CookiePlace {
  const { protocol, pathname } = new URL(publicUrl)
  const secure = protocol === 'https:'
  return {
    cookieName: secure ? `__Host-${name}` : name,
    cookieOptions: { httpOnly: true, sameSite: 'lax', secure, path: secure ? '/' : pathname },
  }
}
