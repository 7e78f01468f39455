/** The parts of reStructuredText that `npm run docs` writes. */

/** A text with what stands between two marks replaced. */
export function replaceBetween(
  text: string,
  { begin, end }: { begin: string; end: string },
  part: string,
): string {
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from === -1 || to < from) throw new Error(`there is no place for a table: ${begin.trim()}`)
  return `${text.slice(0, from)}${begin}\n${part}\n${text.slice(to)}`
}

export function listTable(widths: number[], rows: string[][]): string {
  const head = ['.. list-table::', '   :header-rows: 1', `   :widths: ${widths.join(' ')}`, '']
  const lines = rows.flatMap((cells) =>
    cells.map((cell, index) => `   ${index === 0 ? '* ' : '  '}- ${cell}`.trimEnd()),
  )
  return [...head, ...lines, ''].join('\n')
}
