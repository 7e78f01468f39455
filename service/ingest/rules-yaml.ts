import { Composer, Parser, type YAMLError } from 'yaml'
import type { RulesProblem } from '../domain/rules.js'
import { type Place, readTree, type RulesTree } from './rules-tree.js'
import { rulesLimits } from './rules-limits.js'
import { findTooDeep } from './yaml-depth.js'

/** Reads the YAML alone. Never throws: every text is a tree or problems. */
export function readRulesYaml(
  file: string,
): { tree: RulesTree; problems: null } | { tree: null; problems: RulesProblem[] } {
  const text = file.replace(/^\ufeff/, '')
  const problem = sizeProblem(text) ?? characterProblem(text)
  if (problem !== null) return { tree: null, problems: [problem] }
  const placeAt = createPlaces(text)
  const tokens = [...new Parser().parse(text)]
  const tooDeep = findTooDeep(tokens, rulesLimits.depth)
  if (tooDeep !== null) {
    const message = `this is nested deeper than ${rulesLimits.depth} levels`
    return { tree: null, problems: [{ ...placeAt(tooDeep), key: '', message, suggestion: null }] }
  }
  const stray = tokens.filter(({ type }) => type === 'error')
  if (stray.length > rulesLimits.problems)
    return { tree: null, problems: stray.map((token) => strayProblem(token, placeAt)) }
  const [document, second] = new Composer({ uniqueKeys: false }).compose(tokens, true, text.length)
  if (document === undefined) return { tree: null, problems: [strayProblem({ offset: 0 }, placeAt)] }
  const wrong = syntaxProblems([...document.errors, ...document.warnings], text, placeAt)
  if (second !== undefined) wrong.push(secondDocument(second.range[0], placeAt))
  if (wrong.length > 0) return { tree: null, problems: wrong }
  return readTree(document.contents, placeAt)
}

function strayProblem({ offset }: { offset: number }, placeAt: PlaceAt): RulesProblem {
  return {
    ...placeAt(offset),
    key: '',
    message: 'this is no YAML: nothing is expected here',
    suggestion: null,
  }
}

function secondDocument(offset: number, placeAt: PlaceAt): RulesProblem {
  const message = 'a second document begins here; write one, without ---'
  return { ...placeAt(offset), key: '', message, suggestion: null }
}

function sizeProblem(text: string): RulesProblem | null {
  const bytes = Buffer.byteLength(text)
  if (bytes <= rulesLimits.bytes) return null
  const message = `the file has ${bytes} bytes; it may have ${rulesLimits.bytes} (64 kB). Use patterns such as "fraud/*" to say less`
  return { line: 1, column: 1, key: '', message, suggestion: null }
}

/** Control characters but tab and line ends, and half surrogates. */
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\p{Surrogate}/u

function characterProblem(text: string): RulesProblem | null {
  const found = FORBIDDEN.exec(text)
  if (found === null) return null
  const before = text.slice(0, found.index).split('\n')
  const code = (found[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')
  const message = `the character U+${code} is not allowed; save the file as plain UTF-8 text`
  return {
    line: before.length,
    column: (before.at(-1)?.length ?? 0) + 1,
    key: '',
    message,
    suggestion: null,
  }
}

const SYNTAX: Partial<Record<YAMLError['code'], string>> = {
  TAB_AS_INDENT: 'a tab stands where spaces belong',
  BAD_INDENT: 'the line does not line up with those above it, or a bracket is not closed',
  BLOCK_AS_IMPLICIT_KEY: 'a second ": " stands on this line; put the value in quotes or in { }',
  MULTILINE_IMPLICIT_KEY: 'a key without ":" stands here',
  MISSING_CHAR: 'a closing quote, bracket or comma is missing',
  TAG_RESOLVE_FAILED: 'tags, which begin with !, mean nothing here; remove it, or put the text in quotes',
}

/** An unquoted `*_ms:` is the mistake that people make; what YAML says after it is of no use. */
function syntaxProblems(errors: readonly YAMLError[], text: string, placeAt: PlaceAt): RulesProblem[] {
  const star = errors.find(({ code }) => code === 'BAD_ALIAS')
  if (star !== undefined) return [starProblem(text, star.pos[0], placeAt)]
  return errors.slice(0, rulesLimits.problems).map(({ code, message, pos: [offset] }) => ({
    ...placeAt(offset),
    key: '',
    message: SYNTAX[code] ?? `this is no YAML: ${message.slice(0, 120)}`,
    suggestion: null,
  }))
}

/** YAML places the warning somewhere in the alias; the alias itself begins at the star. */
function starProblem(text: string, near: number, placeAt: PlaceAt): RulesProblem {
  const offset = text.lastIndexOf('*', near)
  const written = /^\*[^\s,[\]{}]*/.exec(text.slice(offset, offset + 200))?.[0].replace(/:$/, '') ?? '*'
  return {
    ...placeAt(offset),
    key: '',
    message: `${written} begins with *, which means an alias in YAML; put the pattern in quotes`,
    suggestion: `"${written}"`,
  }
}

type PlaceAt = (offset: number) => Place

/** Counted here, because the parser's own counter misses some line ends. */
function createPlaces(text: string): PlaceAt {
  const starts = [0, ...Array.from(text.matchAll(/\n/g), ({ index }) => index + 1)]
  return (given) => {
    // The parser says -1 of some anchors.
    const offset = Math.min(Math.max(given, 0), text.length)
    let line = 0
    let beyond = starts.length
    while (beyond - line > 1) {
      const middle = (line + beyond) >> 1
      if ((starts[middle] ?? 0) <= offset) line = middle
      else beyond = middle
    }
    return { line: line + 1, column: offset - (starts[line] ?? 0) + 1 }
  }
}
