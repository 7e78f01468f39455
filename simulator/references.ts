/** Text that GitLab would turn into a mention or a reference, if the thing that it names exists. */
export interface FoundReference {
  kind: 'mention' | 'reference'
  text: string
}

const segment = String.raw`[a-zA-Z0-9_.][a-zA-Z0-9_.-]*`
const project = String.raw`(?:(?:${segment}/)*${segment})?`

/** GitLab's patterns, most of them as in `reference_pattern` of the models; names are not resolved here. */
const patterns: { kind: FoundReference['kind']; pattern: RegExp }[] = [
  { kind: 'mention', pattern: new RegExp(String.raw`(?<!\w)@${segment}(?:/${segment})*`, 'g') },
  // Merge requests, issues, epics, snippets, with or without a project before them.
  { kind: 'reference', pattern: new RegExp(String.raw`${project}[!#&$]\d+`, 'g') },
  { kind: 'reference', pattern: /\b(?:GL|gl)-\d+/g },
  {
    kind: 'reference',
    pattern: /\[(?:issue|work_item|epic|vulnerability|feature_flag|contact|cadence):[^\]\s]+\]/g,
  },
  { kind: 'reference', pattern: new RegExp(String.raw`${project}\^alert#\d+`, 'g') },
  { kind: 'reference', pattern: /\*iteration:(?:\d+|[^"\s<]+\b|"[^"]+")/g },
  { kind: 'reference', pattern: new RegExp(String.raw`${project}%(?:[^"\s<]+\b|"[^"]+")`, 'g') },
  { kind: 'reference', pattern: new RegExp(String.raw`${project}~(?:[A-Za-z0-9_\-?.&:]+|"[^"]+")`, 'g') },
  // Commits and ranges. Shorter ones resolve too, but only if such a commit exists.
  { kind: 'reference', pattern: /(?<![0-9a-zA-Z])[0-9a-f]{40}(?:\.{2,3}[0-9a-f]{40})?(?![0-9a-zA-Z])/g },
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
  return patterns.flatMap(({ kind, pattern }) =>
    [...text.matchAll(pattern)].map((match) => ({
      kind,
      text: match[0],
      start: match.index,
      end: match.index + match[0].length,
    })),
  )
}
