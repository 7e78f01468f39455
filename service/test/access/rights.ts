/** Who may do what, written down from the design's page on permissions and from nothing of the code. */

export const kinds = ['private', 'internal', 'open', 'closed', 'internal-closed', 'standalone'] as const
/** Projects: `open` and `closed` are public ones with open and with closed pipelines. */
export type Kind = (typeof kinds)[number]

export const people = [
  'anonymous',
  'guest',
  'reporter',
  'developer',
  'maintainer',
  'owner',
  'administrator',
  'external',
  'other',
  'blocked',
] as const
/** `other` is Maintainer of a project beside these. `blocked` would be a Developer of all of them. */
export type Who = (typeof people)[number]

/** Nothing, read, write, configure. `x`: not to be let in anywhere. */
export type Right = '-' | 'r' | 'w' | 'c' | 'x'

// prettier-ignore
const table: Record<Who, Right[]> = {
  //              private internal open closed internal-closed standalone
  anonymous:     ['-',    '-',     'r', '-',   '-',            '-'],
  guest:         ['-',    'r',     'r', '-',   '-',            '-'],
  reporter:      ['r',    'r',     'r', 'r',   'r',            'r'],
  developer:     ['w',    'w',     'w', 'w',   'w',            'w'],
  maintainer:    ['c',    'c',     'c', 'c',   'c',            'c'],
  owner:         ['c',    'c',     'c', 'c',   'c',            'c'],
  administrator: ['c',    'c',     'c', 'c',   'c',            '-'],
  external:      ['-',    '-',     'r', '-',   '-',            '-'],
  other:         ['-',    'r',     'r', '-',   '-',            '-'],
  blocked:       ['x',    'x',     'x', 'x',   'x',            'x'],
}

export function rightOf(who: Who, kind: Kind): Right {
  return table[who][kinds.indexOf(kind)] ?? '-'
}

/** Whether the right is enough for what needs `wanted`. */
export function suffices(right: Right, wanted: 'r' | 'w' | 'c'): boolean {
  return right !== 'x' && '-rwc'.indexOf(right) >= '-rwc'.indexOf(wanted)
}
