/** Outside text for a line of a log: control, format and line characters become spaces, so that it can neither start a
 * line of its own nor steer a terminal. */
export function plainLine(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ')
}
