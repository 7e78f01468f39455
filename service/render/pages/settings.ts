import { jsonText } from '../../domain/json-text.js'
import type { Json, Named } from '../../domain/model.js'
import { visibleText } from '../text.js'
import { count } from '../verdict.js'

export interface SettingsView {
  rows: SettingView[]
  more: string | null
}

interface SettingView {
  name: string
  /** On one line. */
  text: string
  /** Indented JSON, where the line does not hold it all. */
  whole: string | null
}

const LINE = 60
const MAX_WHOLE = 4_000
/** What all values of a page may take together. */
const MAX_TOTAL = 100_000

/** Settings with their values as people write them; long ones to be unfolded. */
export function settingsView(settings: readonly Named<Json>[], maxRows: number): SettingsView {
  let left = MAX_TOTAL
  const rows = settings.slice(0, maxRows).map(({ k: name, v: value }) => {
    const text = settingLine(value)
    const needsMore = text.length > LINE
    const whole = needsMore && left > 0 ? indented(value) : null
    left -= whole?.length ?? 0
    return { name, text: visibleText(text, LINE), whole }
  })
  const more = settings.length - rows.length
  return { rows, more: more === 0 ? null : `${count(more, 'more setting')} in the raw JSON.` }
}

/** JSON; a string without its quotes, unless it would then look like another value. */
function settingLine(value: Json): string {
  return typeof value === 'string' && isPlain(value) ? value : jsonText(value)
}

function isPlain(text: string): boolean {
  return text.trim() === text && text !== '' && !/^([-\d[{"]|(true|false|null|NaN|Infinity)$)/.test(text)
}

function indented(value: Json): string {
  const text = typeof value === 'string' ? value : jsonText(value, 2)
  const shown = text.length <= MAX_WHOLE ? text : `${text.slice(0, MAX_WHOLE)}\n… the rest is in the raw JSON`
  return shown
    .split('\n')
    .map((line) => visibleText(line, MAX_WHOLE))
    .join('\n')
}
