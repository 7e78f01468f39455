import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { nearest } from '../service/domain/spelling.js'
import { type Preview, preview } from '../service/preview.js'
import { verdictJson } from '../service/render/verdict-json.js'
import { problemLine } from '../service/render/rules-problem.js'
import { coloured } from './colours.js'
import { readSide, readText } from './reports.js'
import { type Terminal, UsageError } from './terminal.js'

const help = `Prints the note that mlmm would post on a merge request. Asks no service and no network.

Usage: mlmm report --head <file> [--base <file>] [--rules <file>] [--lines | --json]

  --head <file>     results of the merge request: mlmm.json or metrics.json; may be given several times
  --base <file>     results of the target branch; may be given several times. Without it nothing is compared
  --rules <file>    rules of the project; default: .mlmm.yml of this folder, if there is one
  --model <name>    the model of a file that names none, such as metrics.json; default: model
  --dataset <name>  its dataset; default: default
  --lines           print the lines of the job's log instead, coloured on a terminal unless NO_COLOR is set
  --json            print the verdict as JSON instead
  --help            print this

Exit code: 0 the gate passes or warns, 1 it fails, 2 the arguments, a report or the rules cannot be read.
`

const options = {
  base: { type: 'string', multiple: true },
  head: { type: 'string', multiple: true },
  rules: { type: 'string' },
  model: { type: 'string' },
  dataset: { type: 'string' },
  lines: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const defaultRules = '.mlmm.yml'

/** `mlmm report`. Answers with the exit code.
 * @throws UsageError */
export async function reportCommand(args: string[], terminal: Terminal): Promise<number> {
  const given = readArguments(args)
  if (given.help === true) {
    terminal.write(help)
    return 0
  }
  const { base = [], head = [] } = given
  if (head.length === 0) throw new UsageError('--head <file> is missing: the results to look at.', seeHelp)
  if (given.lines === true && given.json === true) {
    throw new UsageError('--lines and --json are both given; give one of them.')
  }
  const names = { model: given.model ?? 'model', dataset: given.dataset ?? 'default' }
  const rulesPath = given.rules ?? (existsSync(defaultRules) ? defaultRules : null)
  const result = preview({
    base: base.length === 0 ? null : await readSide(base, names),
    head: await readSide(head, names),
    rules: rulesPath === null ? null : await readText(rulesPath),
  })
  for (const problem of result.problems)
    terminal.complain(`${problemLine(rulesPath ?? defaultRules, problem)}\n`)
  terminal.write(textOf(result, given, terminal))
  return exitCode(result)
}

const seeHelp = 'mlmm report --help says more.'

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values
  } catch (error) {
    throw new UsageError(argumentProblem(args, error), seeHelp)
  }
}

function argumentProblem(args: readonly string[], error: unknown): string {
  const { code = '', message = '' } = error as { code?: string; message?: string }
  const [sentence = ''] = message.split(/\.?\n|\. /)
  if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL')
    return `${sentence}: files are named by --head and --base.`
  if (code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return `${sentence}.`
  const known = Object.keys(options)
  const wrong = args.find((arg) => arg.startsWith('-') && !known.includes(nameOf(arg))) ?? ''
  const near = nearest(nameOf(wrong), known)
  const hint =
    near === null
      ? `The options are ${known.map((name) => `--${name}`).join(', ')}.`
      : `Did you mean --${near}?`
  return `There is no option ${wrong}. ${hint}`
}

function nameOf(arg: string): string {
  return arg.replace(/^-+/, '').replace(/=.*$/s, '')
}

function textOf(
  result: Preview,
  given: { lines?: boolean; json?: boolean },
  { isTerminal }: Terminal,
): string {
  if (given.json === true) return `${JSON.stringify(verdictJson(result), null, 2)}\n`
  if (given.lines !== true) return result.note
  const lines = isTerminal ? result.lines.map(coloured) : result.lines
  return `${lines.join('\n')}\n`
}

function exitCode({ areRulesUnreadable, verdict }: Preview): number {
  if (areRulesUnreadable) return 2
  return verdict.state === 'fail' ? 1 : 0
}
