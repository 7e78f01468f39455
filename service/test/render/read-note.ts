/** One cell of a table, as its source and as a reader sees it. */
export interface Cell {
  source: string
  text: string
  /** Of its first link. */
  href: string | null
}

export interface NoteTable {
  head: Cell[]
  rows: Cell[][]
  /** The line behind it, where something was left out. */
  after: string
}

/** A note as a reader sees it. */
export interface ReadNote {
  mark: string
  /** Behind `Model results: ` of the first line. */
  words: string
  isSoFar: boolean
  lines: string[]
  gate: NoteTable | null
  results: NoteTable | null
  all: NoteTable | null
  repeats: NoteTable | null
  curves: NoteTable | null
}

export function readNote(note: string): ReadNote {
  const lines = note.split('\n')
  const [, mark = '', soFar = '', words = ''] =
    /^### (\S+) Model results( so far)?: (.*)$/.exec(lines[0] ?? '') ?? []
  const tables = tablesOf(lines)
  const find = (wanted: (head: string[]) => boolean) =>
    tables.find(({ head }) => wanted(head.map(({ text }) => text))) ?? null
  return {
    mark,
    words,
    isSoFar: soFar !== '',
    lines: lines.map(textOf),
    gate: find((head) => head.includes('Result and rule')),
    results: find((head) => head.slice(0, 2).includes('Model') && !isDetail(head)),
    all: find((head) => head.includes('Before')),
    repeats: find((head) => head.includes('Repeat')),
    curves: find((head) => head.includes('Points')),
  }
}

function isDetail(head: readonly string[]): boolean {
  return head.some((text) => /^(Before|Setting|Repeat|Points|Result and rule)$/.test(text))
}

export function tablesOf(lines: readonly string[]): NoteTable[] {
  const tables: NoteTable[] = []
  for (const [index, line] of lines.entries()) {
    if (!/^\|[:|-]+\|$/.test(line)) continue
    const rest = lines.slice(index + 1)
    const end = rest.findIndex((one) => !one.startsWith('|'))
    const rows = end === -1 ? rest : rest.slice(0, end)
    tables.push({
      head: cellsOf(lines[index - 1] ?? ''),
      rows: rows.map(cellsOf),
      after: end === -1 ? '' : textOf(rest[end + 1] ?? ''),
    })
  }
  return tables
}

/** No cell holds the sign itself: what comes from outside has it as an entity. */
function cellsOf(line: string): Cell[] {
  return line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim())
    .map((source) => ({ source, text: textOf(source), href: /\]\((.*?)\)/.exec(source)?.[1] ?? null }))
}

/** What is left of our Markdown on a page. */
function textOf(source: string): string {
  return source
    .replace(/\[((?:[^\]<]|<[^>]*>)*)\]\([^)]*\)/g, '$1')
    .replace(/<\/?[a-z]+>/g, '')
    .replaceAll('**', '')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&nbsp;', ' ')
    .replaceAll('&lrm;', '')
    .replaceAll('&lt;', '<')
}
