/** Markup that is safe to put into a page as it is. */
export interface Html {
  readonly markup: string
}

const entities: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** A template whose values are escaped, unless they are `Html` themselves; lists are joined. */
export function html(parts: TemplateStringsArray, ...values: unknown[]): Html {
  return { markup: String.raw({ raw: parts }, ...values.map(toMarkup)) }
}

export function trusted(markup: string): Html {
  return { markup }
}

function toMarkup(value: unknown): string {
  if (Array.isArray(value)) return value.map(toMarkup).join('')
  if (isHtml(value)) return value.markup
  return String(value ?? '').replace(/[&<>"']/g, (char) => entities[char] ?? char)
}

function isHtml(value: unknown): value is Html {
  return typeof value === 'object' && value !== null && 'markup' in value
}
