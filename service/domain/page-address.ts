import { decodeSegment, versionPrefix } from './addresses.js'

/** Which training of a model: a commit (its first 7 or more digits), the newest of a branch, or a version of what has no
 * commit. */
export type TrainingAddress =
  | { kind: 'commit'; prefix: string }
  | { kind: 'branch'; branch: string }
  | { kind: 'version'; version: string }

/** The flat table as a page, or all that matches as a file. */
export type ResultsFormat = 'html' | 'csv' | 'ndjson'

/** What a page's address names. */
export type PageAddress =
  | { page: 'projects' }
  | { page: 'project'; path: string }
  | { page: 'history'; path: string; name: string; dataset: string }
  | { page: 'model'; path: string; name: string; dataset: string; training: TrainingAddress }
  | { page: 'merge-request'; path: string; mrIid: number }
  | { page: 'settings'; path: string }
  | { page: 'results'; path: string; format: ResultsFormat }

/** Reads the path of an address as it was sent, percent signs and all; null where it names no page. */
export function parsePageAddress(rawPath: string): PageAddress | null {
  const segments = rawPath.split('/').slice(1)
  if (segments.at(-1) === '') segments.pop()
  if (segments.length === 0) return { page: 'projects' }
  const decoded = segments.map(decodePercent)
  if (decoded.some((segment) => segment === null || segment === '')) return null
  const [first = '', ...rest] = decoded.filter((segment) => segment !== null)
  return parseSegments(segments, [first, ...rest.map(decodeSegment)])
}

function decodePercent(segment: string): string | null {
  try {
    return decodeURIComponent(segment)
  } catch {
    // Percent signs that encode nothing.
    return null
  }
}

/** The sign between a project and its pages is looked for before decoding: a name may be `-`, written `-` too. */
function parseSegments(raw: string[], segments: string[]): PageAddress | null {
  const at = raw.indexOf('-')
  const project = at === -1 ? segments : segments.slice(0, at)
  if (project.length < 2 || project.length > 20 || project.some((part) => part.includes('/'))) return null
  const path = project.join('/')
  return at === -1 ? { page: 'project', path } : parsePage(path, segments.slice(at + 1))
}

const resultsFormats: Record<string, ResultsFormat> = {
  results: 'html',
  'results.csv': 'csv',
  'results.ndjson': 'ndjson',
}

function parsePage(path: string, [kind, ...rest]: string[]): PageAddress | null {
  if (kind === 'models') return parseModelPage(path, rest)
  if (kind === 'settings') return rest.length === 0 ? { page: 'settings', path } : null
  const format = resultsFormats[kind ?? '']
  if (format !== undefined) return rest.length === 0 ? { page: 'results', path, format } : null
  if (kind !== 'merge_requests' || rest.length !== 1 || !/^[1-9]\d{0,11}$/.test(rest[0] ?? '')) return null
  return { page: 'merge-request', path, mrIid: Number(rest[0]) }
}

function parseModelPage(path: string, rest: string[]): PageAddress | null {
  const [name, dataset, training] = rest
  if (name === undefined) return { page: 'project', path }
  if (dataset === undefined || rest.length > 3) return null
  if (training === undefined) return { page: 'history', path, name, dataset }
  const parsed = parseTraining(training)
  return parsed === null ? null : { page: 'model', path, name, dataset, training: parsed }
}

function parseTraining(text: string): TrainingAddress | null {
  if (text.startsWith('@') && text.length > 1) return { kind: 'branch', branch: text.slice(1) }
  if (text.startsWith(versionPrefix) && text.length > versionPrefix.length)
    return { kind: 'version', version: text.slice(versionPrefix.length) }
  return /^[0-9a-f]{7,64}$/i.test(text) ? { kind: 'commit', prefix: text.toLowerCase() } : null
}
