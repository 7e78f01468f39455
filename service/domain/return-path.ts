const longest = 2_000
/** Addresses that browsers send consist of these. */
const readable = /^[!-[\]-~]+$/
/** Whoever came from there would be led in a circle. */
const signInPages = /^\/-\/(sign-in|sign-out)(\/|$)/

/** Where to lead somebody after signing in: `given` if it is a path of this service, else its first page.
 * `basePath` is the path of PUBLIC_URL without a slash at its end. */
export function returnPath(given: unknown, basePath: string): string {
  const home = `${basePath}/`
  if (typeof given !== 'string' || given.length > longest || !readable.test(given)) return home
  if (!given.startsWith('/') || given.startsWith('//')) return home
  const url = parsed(given)
  // Dots in a path may leave two slashes at its start, which a browser takes for a host.
  if (url === null || url.pathname.startsWith('//') || !url.pathname.startsWith(home)) return home
  const within = decoded(url.pathname.slice(basePath.length))
  if (within === null || signInPages.test(within)) return home
  return `${url.pathname}${url.search}`
}

const nowhere = 'http://service.invalid'

function parsed(path: string): URL | null {
  const url = URL.canParse(path, nowhere) ? new URL(path, nowhere) : null
  return url?.origin === nowhere ? url : null
}

function decoded(path: string): string | null {
  try {
    return decodeURIComponent(path)
  } catch {
    return null // Percent signs that encode nothing.
  }
}
