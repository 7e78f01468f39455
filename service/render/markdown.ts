import { visibleText } from './text.js'

declare const brand: unique symbol

/**
 * Markdown that GitLab may render: our own words, and outside text that was made harmless. Only the functions of this
 * file make it, so a plain string never gets into a note unescaped. GitLab looks for references and mentions in text
 * after decoding entities and leaves out `code`; quick actions are read from the source, line by line.
 */
export interface Markdown {
  readonly [brand]: true
  readonly source: string
}

function markdown(source: string): Markdown {
  return { source } as Markdown
}

/** Outside text as `<code>`, with nothing in it that any renderer could take for markup. */
export function code(text: string, maxLength?: number): Markdown {
  const shown = visibleText(text, maxLength)
  if (WORD.test(shown)) return markdown(`<code>${shown}</code>`)
  if (/^\s*$/.test(shown)) return markdown('(blank name)')
  return markdown(`<code>${harmless(shown)}</code>${RIGHT_TO_LEFT.test(shown) ? '&lrm;' : ''}`)
}

/**
 * Lines to be copied as they are. Between `pre` and its end GitLab looks for nothing, and no line of the source begins
 * with a sign. Invisible characters are not to be expected: whoever writes JSON escapes them.
 */
export function codeBlock(lines: readonly string[]): Markdown {
  const shown = lines.map((line) => harmless(visibleText(line, MAX_BLOCK_LINE)))
  return markdown(`<pre><code>${shown.join('\n')}</code></pre>`)
}

const MAX_BLOCK_LINE = 4000

/** The usual name, which needs no escaping. */
const WORD = /^[A-Za-z0-9]+$/

/** Letters written from right to left turn the numbers behind them around, unless a mark ends their run. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u

const ENTITIES = Array.from({ length: 128 }, (_, code) => `&#${code};`)
/** What `breakLinks` is for, before it is encoded. */
const MAY_LINK = /@|:\/|www\./i

function harmless(text: string): string {
  const encoded = text.replace(/[!-/:-@[-`{-~]/g, (sign) => ENTITIES[sign.charCodeAt(0)] ?? '')
  return MAY_LINK.test(text) ? breakLinks(encoded) : encoded
}

/**
 * GFM makes links of addresses in decoded text even inside a raw `<code>`. A `<wbr>` parts them: before `@` (mail),
 * before `:` of `://`, and before the `.` of `www.`.
 */
function breakLinks(encoded: string): string {
  return encoded.replace(/&#64;|&#58;(?=&#47;)|(?<=www)&#46;/gi, '<wbr>$&')
}

type Value = Markdown | string | number

/**
 * Our own words with values between: Markdown as it is, strings as escaped code, whole numbers as digits. What is
 * measured goes through `numbers.ts`.
 */
export function gfm(words: TemplateStringsArray, ...values: Value[]): Markdown {
  let source = words[0] ?? ''
  let index = 0
  for (const value of values) source += sourceOf(value) + (words[++index] ?? '')
  return markdown(source)
}

function sourceOf(value: Value): string {
  if (typeof value === 'string') return code(value).source
  if (typeof value === 'number') return String(Math.round(value))
  return value.source
}

export const nothing = gfm``

/** Parts that are null are left out. */
export function join(parts: readonly (Markdown | null)[], separator: Markdown): Markdown {
  const known = parts.filter((part) => part !== null)
  return markdown(known.map(({ source }) => source).join(separator.source))
}

/** Words of ours that stand in the source: a type wider than literals is refused. */
export function own<T extends string>(text: string extends T ? never : T): Markdown {
  return markdown(text)
}

/** What `numbers.ts` and `verdict.ts` write: letters, digits, a few signs. With anything else it is outside text. */
export function figure(text: string): Markdown {
  if (!/^[\d.,−+±%∞ a-zA-Z()\u00a0]*$/.test(text)) return code(text)
  return markdown(text.replaceAll('\u00a0', '&nbsp;'))
}

/** Beyond this a link costs more room than it is worth. */
const MAX_URL_LENGTH = 1000

/** A link, or only its text where the address is none that we follow. `text` never holds a link itself. */
export function link(text: Markdown, url: string | null): Markdown {
  const target = url === null ? null : safeUrl(url)
  return target === null ? text : markdown(`[${text.source}](${target})`)
}

/** Absolute http(s) without credentials, or a path from the root; every sign that Markdown knows is percent-encoded. */
function safeUrl(url: string): string | null {
  const isPath = url.startsWith('/')
  const parsed = URL.canParse(url, 'http://root.invalid') ? new URL(url, 'http://root.invalid') : null
  if (parsed === null || (!isPath && !/^https?:\/\//i.test(url))) return null
  if (isPath && parsed.host !== 'root.invalid') return null
  if (parsed.username !== '' || parsed.password !== '') return null
  const tail = encodeSigns(parsed.pathname + parsed.search + parsed.hash)
  const target = isPath ? tail : `${parsed.protocol}//${parsed.host}${tail}`
  return target.length > MAX_URL_LENGTH || !/^[\w\-.~:/?#=&;%+,[\]]+$/.test(target) ? null : target
}

function encodeSigns(part: string): string {
  return part
    .replace(/%(?![\da-f]{2})/gi, '%25')
    .replace(/[^\w\-.~/?#=&%+,]/gu, (sign) => encodeURIComponent(sign).replace(/[!'()*]/g, percent))
    .replaceAll('&', '&amp;')
}

function percent(sign: string): string {
  return `%${sign.charCodeAt(0).toString(16).toUpperCase()}`
}

export interface Column {
  head: Markdown
  align: 'left' | 'right'
}

export function left(head: Markdown): Column {
  return { head, align: 'left' }
}

/** For numbers. */
export function right(head: Markdown): Column {
  return { head, align: 'right' }
}

/** A table whose cells are Markdown already. A line of it starts with `|`, never with what a cell holds. */
export function table(columns: readonly Column[], rows: readonly Markdown[][]): Markdown {
  const rule = columns.map(({ align }) => (align === 'right' ? '--:' : ':--')).join('|')
  return markdown([tableRow(columns.map(({ head }) => head)), `|${rule}|`, ...rows.map(tableRow)].join('\n'))
}

function tableRow(cells: readonly Markdown[]): string {
  return `| ${cells.map(({ source }) => source).join(' | ')} |`
}

/** A chart of numbers alone, as those GitLab versions draw it that know `xychart-beta`. */
export function lineChart({
  values,
  from,
  to,
}: {
  values: readonly number[]
  from: number
  to: number
}): Markdown {
  const lines = [
    '```mermaid',
    'xychart-beta',
    `  x-axis 1 --> ${values.length}`,
    `  y-axis ${from} --> ${to}`,
    `  line [${values.join(', ')}]`,
    '```',
  ]
  return markdown(lines.join('\n'))
}
