import { PipelineError } from './pipeline-error.js'
import type { Variables } from './variables.js'

type Value = string | null | RegExp

interface Token {
  kind: 'operand' | 'operator' | 'open' | 'close'
  text: string
}

interface Parser {
  tokens: Token[]
  variables: Variables
}

const lexemes: ReadonlyArray<[Token['kind'], RegExp]> = [
  ['open', /^\(/],
  ['close', /^\)/],
  ['operator', /^(?:==|!=|=~|!~|&&|\|\|)/],
  ['operand', /^\$\w+/],
  ['operand', /^\$\{\w+\}/],
  ['operand', /^"[^"]*"/],
  ['operand', /^'[^']*'/],
  ['operand', /^\/(?:[^\\/]|\\.)+\/[ismU]*/],
  ['operand', /^null\b/],
]

/**
 * Evaluates a `rules:if` expression. `&&` binds tighter than `||`, comparisons tightest; a lone variable is true
 * if it is set and not empty; an unset one equals `null`.
 */
export function evaluateExpression(expression: string, variables: Variables): boolean {
  const parser: Parser = { tokens: tokenize(expression), variables }
  try {
    const value = evaluateOr(parser)
    if (parser.tokens.length > 0) throw new SyntaxError('left over')
    return isTrue(value)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new PipelineError(`invalid expression syntax: ${expression}`, { cause: error })
  }
}

function tokenize(expression: string): Token[] {
  const tokens: Token[] = []
  let rest = expression.trim()
  while (rest !== '') {
    const token = nextToken(rest)
    if (!token) throw new PipelineError(`invalid expression syntax: ${expression}`)
    tokens.push(token)
    rest = rest.slice(token.text.length).trimStart()
  }
  return tokens
}

function nextToken(rest: string): Token | null {
  for (const [kind, pattern] of lexemes) {
    const text = pattern.exec(rest)?.[0]
    if (text !== undefined) return { kind, text }
  }
  return null
}

function evaluateOr(parser: Parser): Value | boolean {
  let value = evaluateAnd(parser)
  while (takeOperator(parser, ['||'])) {
    const right = evaluateAnd(parser)
    value = isTrue(value) || isTrue(right)
  }
  return value
}

function evaluateAnd(parser: Parser): Value | boolean {
  let value = evaluateComparison(parser)
  while (takeOperator(parser, ['&&'])) {
    const right = evaluateComparison(parser)
    value = isTrue(value) && isTrue(right)
  }
  return value
}

function evaluateComparison(parser: Parser): Value | boolean {
  const left = evaluateOperand(parser)
  const operator = takeOperator(parser, ['==', '!=', '=~', '!~'])
  if (!operator) return left
  const right = evaluateOperand(parser)
  if (operator === '==') return left === right
  if (operator === '!=') return left !== right
  return matches(left, right) === (operator === '=~')
}

function evaluateOperand(parser: Parser): Value | boolean {
  const token = parser.tokens.shift()
  if (token?.kind === 'open') {
    const value = evaluateOr(parser)
    if (parser.tokens.shift()?.kind !== 'close') throw new SyntaxError('unclosed parenthesis')
    return value
  }
  if (token?.kind !== 'operand') throw new SyntaxError('operand expected')
  return readOperand(token.text, parser.variables)
}

function readOperand(text: string, variables: Variables): Value {
  if (text === 'null') return null
  if (text.startsWith('/')) return compilePattern(text)
  if (text.startsWith('$')) return readVariable(text.replace(/[${}]/g, ''), variables)
  return text.slice(1, -1)
}

function readVariable(name: string, variables: Variables): string | null {
  return Object.hasOwn(variables, name) ? (variables[name] ?? null) : null
}

function takeOperator(parser: Parser, accepted: string[]): string | null {
  const token = parser.tokens[0]
  if (token?.kind !== 'operator' || !accepted.includes(token.text)) return null
  parser.tokens.shift()
  return token.text
}

function matches(left: Value | boolean, right: Value | boolean): boolean {
  const pattern = typeof right === 'string' ? patternOfVariable(right) : right
  return typeof left === 'string' && pattern instanceof RegExp && pattern.test(left)
}

// A variable on the right side may hold a pattern; any other text matches nothing.
function patternOfVariable(text: string): RegExp | null {
  return /^\/.+\/[ismU]*$/s.test(text) ? compilePattern(text) : null
}

/** GitLab's patterns are RE2; the few spellings that JavaScript lacks are translated. */
export function compilePattern(literal: string): RegExp {
  const end = literal.lastIndexOf('/')
  const source = literal
    .slice(1, end)
    .replace(/\\A/g, '^')
    .replace(/\\[zZ]/g, '$')
  const flags = [...new Set(literal.slice(end + 1).replace(/U/g, ''))].join('')
  return new RegExp(source, flags)
}

function isTrue(value: Value | boolean): boolean {
  if (typeof value === 'boolean') return value
  return value !== null && value !== ''
}
