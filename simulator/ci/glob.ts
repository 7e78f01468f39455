const special = /[\\^$.|+()]/

/**
 * Compiles a pattern as Ruby's `File.fnmatch` reads it with PATHNAME, DOTMATCH and EXTGLOB,
 * which is how GitLab matches `rules:changes` and `rules:exists`.
 */
export function compileGlob(pattern: string): RegExp {
  return new RegExp(`^${translate(pattern)}$`, 's')
}

function translate(pattern: string): string {
  let source = ''
  let braces = 0
  for (let at = 0; at < pattern.length;) {
    const folders = /^\*\*\/(?:\*\*\/)*/.exec(pattern.slice(at))
    const atSegment = at === 0 || pattern[at - 1] === '/'
    const set = /^\[([!^]?)([^\]/]+)\]/.exec(pattern.slice(at))
    const char = pattern.charAt(at)
    let length = 1
    if (folders && atSegment) {
      source += '(?:[^/]*/)*'
      length = folders[0].length
    } else if (char === '*') {
      source += '[^/]*'
      length = /^\*+/.exec(pattern.slice(at))?.[0].length ?? 1
    } else if (char === '?') {
      source += '[^/]'
    } else if (set) {
      source += `(?!/)[${set[1] ? '^' : ''}${(set[2] ?? '').replace(/[\\[]/g, '\\$&')}]`
      length = set[0].length
    } else if (char === '{' && pattern.indexOf('}', at) > at) {
      source += '(?:'
      braces += 1
    } else if (char === '}' && braces > 0) {
      source += ')'
      braces -= 1
    } else if (char === ',' && braces > 0) {
      source += '|'
    } else if (char === '\\' && at + 1 < pattern.length) {
      source += escape(pattern.charAt(at + 1))
      length = 2
    } else {
      source += escape(char)
    }
    at += length
  }
  return source + ')'.repeat(braces)
}

function escape(char: string): string {
  return special.test(char) || '*?[]{}'.includes(char) ? `\\${char}` : char
}
