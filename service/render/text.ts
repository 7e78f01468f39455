/** Nothing but what an ASCII terminal shows. */
const PLAIN = /^[\x20-\x7e]*$/

/**
 * Text from outside made visible and bounded, for every kind of output: what is left holds no control, format,
 * line-breaking or otherwise invisible character. It is not escaped for anything.
 */
export function visibleText(text: string, maxLength = 80): string {
  if (text.length <= maxLength && PLAIN.test(text)) return text
  const shown =
    text.length > 16 * maxLength ? text.slice(0, 8 * maxLength) + text.slice(-8 * maxLength) : text
  return shorten(capMarks(replaceInvisible(shown)), maxLength)
}

const LOOSE_JOINER =
  /(?<!\p{Extended_Pictographic}\p{Emoji_Modifier}?)\u200d|\u200d(?!\p{Extended_Pictographic})/gu

/** Invisible characters get a sign of their own, so that two names that differ do not look alike. What joins two emoji
 * into one is seen by that. */
function replaceInvisible(text: string): string {
  if (PLAIN.test(text)) return text
  return text
    .replace(/[\u{fe00}-\u{fe0f}\u{e0100}-\u{e01ef}]/gu, '')
    .replace(LOOSE_JOINER, '\ufffd')
    .replace(/\p{Cc}/gu, (character) => (character < ' ' ? picture(character) : '\ufffd'))
    .replace(/\p{Zs}/gu, ' ')
    .replace(
      /(?!\u200d)[\p{Cf}\p{Cs}\p{Cn}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]/gu,
      '\ufffd',
    )
}

/** `␊` for a line feed. */
function picture(control: string): string {
  return String.fromCodePoint(0x2400 + control.charCodeAt(0))
}

const LEADING_MARK = /^\p{M}/u
const MARKS_BEYOND_THREE = /(\p{M}{3})\p{M}+/gu

/** No tower of accents grows out of its line, and none sits on what stands before the text. */
function capMarks(text: string): string {
  return text.replace(LEADING_MARK, '\u25cc$&').replace(MARKS_BEYOND_THREE, '$1')
}

/** Keeps both ends: names often differ only in their last part. */
function shorten(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text
  const points = [...text]
  if (points.length <= maxLength) return text
  const tail = Math.floor(maxLength / 3)
  const ends = [points.slice(0, maxLength - tail - 1), points.slice(-tail)].map((end) => end.join(''))
  return ends.join('…').replace(LOOSE_JOINER, '')
}

const NARROW = /[\p{M}\u200d]/gu
const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\uff01-\uff60]/gu

/** Columns that the text takes in a terminal: two for East Asian wide characters and emoji, none for marks and joiners. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length
  return [...text].length + countOf(text, WIDE) - countOf(text, NARROW)
}

function countOf(text: string, kind: RegExp): number {
  return text.match(kind)?.length ?? 0
}
