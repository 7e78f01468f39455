/** Text that GitLab would turn into a mention or a reference, if the thing that it names exists. */
export interface FoundReference {
  kind: 'mention' | 'reference'
  text: string
}

interface ReferencePattern {
  kind: FoundReference['kind']
  pattern: RegExp
  /** Whether a project or group may stand before it: `group/project!1`. */
  afterPath?: true
}

/** GitLab's patterns, most of them as in `reference_pattern` of its models; names are not resolved here. */
const patterns: ReferencePattern[] = [
  { kind: 'mention', pattern: /(?<!\w)@[\w.][\w.-]*(?:\/[\w.][\w.-]*)*/g },
  // Merge requests, issues, epics, snippets.
  { kind: 'reference', pattern: /[!#&$]\d+/g, afterPath: true },
  { kind: 'reference', pattern: /\^alert#\d+/g, afterPath: true },
  { kind: 'reference', pattern: /%(?:[^"\s<]+\b|"[^"]+")/g, afterPath: true },
  { kind: 'reference', pattern: /~(?:[\w\-?.&:]+|"[^"]+")/g, afterPath: true },
  { kind: 'reference', pattern: /\*iteration:(?:[^"\s<]+\b|"[^"]+")/g },
  {
    kind: 'reference',
    pattern: /\[(?:issue|work_item|epic|vulnerability|feature_flag|contact|cadence):[^\]\s]+\]/g,
  },
  { kind: 'reference', pattern: /\b(?:GL|gl)-\d+/g },
  // Commits and ranges. Shorter ones resolve too, but only if such a commit exists.
  { kind: 'reference', pattern: /\b[0-9a-f]{40}(?:\.{2,3}[0-9a-f]{40})?\b/g },
  // Keys of external trackers such as Jira.
  { kind: 'reference', pattern: /\b[A-Z][A-Z0-9_]+-\d+/g },
  { kind: 'reference', pattern: /\[\[[^\]\n]+\]\]/g },
]

export interface LocatedReference extends FoundReference {
  start: number
  end: number
}

/** Searches one text node, after its entities were decoded, as GitLab does. */
export function locateReferences(text: string): LocatedReference[] {
  return patterns.flatMap(({ kind, pattern, afterPath }) =>
    [...text.matchAll(pattern)].map((match) => {
      const end = match.index + match[0].length
      const start = afterPath ? wordStart(text, match.index, /[\w./-]/) : match.index
      return { kind, text: text.slice(start, end), start, end }
    }),
  )
}

/** GitLab links any scheme in plain text, which the GFM library does not. */
export function locateAddresses(text: string): string[] {
  return [...text.matchAll(/:\/\/[^\s>]+/g)].flatMap((match) => {
    const scheme = text
      .slice(wordStart(text, match.index, /[a-z0-9+.-]/), match.index)
      .replace(/^[^a-z]+/, '')
    return scheme.length < 2 ? [] : [scheme + match[0]]
  })
}

const longestWord = 500

function wordStart(text: string, end: number, part: RegExp): number {
  let start = end
  while (start > 0 && end - start < longestWord && part.test(text[start - 1] ?? '')) start -= 1
  return start
}
