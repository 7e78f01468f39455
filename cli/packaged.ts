import { readFile } from 'node:fs/promises'

/** A file of the project itself, which the build puts beside what it makes. */
export function readPackaged(
  path: 'package.json' | '.env.sample' | `ci-templates/${string}`,
): Promise<string> {
  return readFile(new URL(`../${path}`, import.meta.url), 'utf8')
}
