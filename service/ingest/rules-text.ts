/** How the problems of a rules file write paths and values. */

export type Path = readonly PropertyKey[]

/** `overrides[0].results."a.b".fail` */
export function pathText(path: Path): string {
  return path.map(stepText).join('').replace(/^\./, '')
}

function stepText(step: PropertyKey): string {
  if (typeof step === 'number') return `[${step}]`
  const name = String(step)
  return /^[^\s."'[\]]+$/.test(name) ? `.${shorten(name)}` : `.${JSON.stringify(shorten(name))}`
}

/** A value as a message shows it. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a set of keys'
  return typeof value === 'string' ? quoted(value) : shorten(String(value))
}

export function quoted(text: string): string {
  return `"${shorten(text)}"`
}

function shorten(text: string): string {
  const characters = Array.from(text.slice(0, 100))
  return characters.length <= 40 && text.length <= 100 ? text : `${characters.slice(0, 40).join('')}…`
}
