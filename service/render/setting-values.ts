import type { Json } from '../domain/model.js'
import type { SettingChange } from '../domain/settings.js'
import { code, figure, gfm, type Markdown, own } from './markdown.js'

const MAX_LENGTH = 40

/** `0.1 → **0.05**`, each side as `settingValue`. */
export function settingChange({ change, old, new: current }: SettingChange): Markdown {
  if (change === 'added') return gfm`added **${settingValue(current)}**`
  if (change === 'removed') return gfm`${settingValue(old)} removed`
  return gfm`${settingValue(old)} → **${settingValue(current)}**`
}

/** Compact JSON; a string without its quotes, unless it would then look like another value. What no text can be hidden
 * in stands without the frame of code. */
function settingValue(value: Json): Markdown {
  if (value === null) return own('null')
  if (typeof value === 'boolean') return value ? own('true') : own('false')
  if (typeof value === 'number') return figure(String(value).replaceAll('-', '−'))
  return code(typeof value === 'string' && isPlain(value) ? value : JSON.stringify(value), MAX_LENGTH)
}

function isPlain(text: string): boolean {
  return text.trim() === text && text !== '' && !/^([-\d[{"]|(true|false|null)$)/.test(text)
}
