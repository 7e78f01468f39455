/** Whether a project's path fits one of the anchored patterns: `*` stands for one level, `**` for any number. */
export function matchesPath(path: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => fits(path.split('/'), pattern.split('/')))
}

function fits(levels: string[], pattern: string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return levels.length === 0
  if (first === '**') return levels.some((_, index) => fits(levels.slice(index + 1), rest))
  const [level, ...deeper] = levels
  return level !== undefined && fitsLevel(level, first) && fits(deeper, rest)
}

function fitsLevel(level: string, pattern: string): boolean {
  const parts = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('[^/]*')}$`, 'i').test(level)
}
