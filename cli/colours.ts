const RED = 31
const GREEN = 32
const YELLOW = 33
const GREY = 90

/** By the word that a line of the job's log begins with, as in `ci-templates/`. */
const colours: [word: string, colour: number][] = [
  ['broken', RED],
  ['worse', RED],
  ['missing', YELLOW],
  ['warning', YELLOW],
  ['mixed', YELLOW],
  ['better', GREEN],
  ['accepted', GREY],
  ['within noise', GREY],
  ['same', GREY],
  ['new', GREY],
  ['changed', GREY],
]

/** The line with its first word in colour, for a terminal. */
export function coloured(line: string): string {
  const text = line.trimStart()
  const found = colours.find(([word]) => text === word || text.startsWith(`${word} `))
  if (found === undefined) return line
  const [word, colour] = found
  const indent = line.slice(0, line.length - text.length)
  return `${indent}\u001b[${colour}m${word}\u001b[0m${text.slice(word.length)}`
}
