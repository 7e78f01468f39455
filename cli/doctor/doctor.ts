import { parseArgs } from 'node:util'
import { ConfigError, readConfig } from '../../service/config.js'
import { plainLine } from '../../service/render/plain.js'
import { readEnvFile } from '../env-file.js'
import { Unreachable } from '../http.js'
import { type Terminal, UsageError } from '../terminal.js'
import { checkBot } from './bot.js'
import { checkDatabase } from './database.js'
import { type Check, type DoctorContext, type Finding, findingsOf } from './finding.js'
import { checkGitLab } from './gitlab.js'
import { checkOAuth } from './oauth.js'
import { checkProject } from './project.js'
import { checkService } from './service.js'
import { checkSigningKeys } from './signing-keys.js'

const help = `Proves each link between mlmm and GitLab, and says what to fix. Writes nothing.

Usage: mlmm doctor [--env <file>] [--project <path>] [--json]

  --env <file>      the configuration of the service; default: .env. Variables of the environment come first
  --project <path>  look at the bot's role and the webhook in this project too
  --json            print a list of {state, name, text, fix} instead
  --help            print this

Run it where the service runs. NODE_EXTRA_CA_CERTS names the file with the certificate of a private authority.

Exit code: 0 all links hold, 1 there is a problem, 2 the arguments are wrong.
`

const options = {
  env: { type: 'string', default: '.env' },
  project: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const checks: readonly [name: string, check: Check][] = [
  ['GitLab API', checkGitLab],
  ['bot', checkBot],
  ['OAuth', checkOAuth],
  ['ID tokens', checkSigningKeys],
  ['MongoDB', checkDatabase],
  ['service', checkService],
  ['posting', checkProject],
]

/** `mlmm doctor`. Answers with the exit code.
 * @throws UsageError */
export async function doctorCommand(
  args: string[],
  terminal: Terminal,
  now: () => Date = () => new Date(),
): Promise<number> {
  const given = readArguments(args)
  if (given.help === true) {
    terminal.write(help)
    return 0
  }
  const findings = await examine(given, now)
  if (given.json === true) terminal.write(`${JSON.stringify(findings, null, 2)}\n`)
  else for (const finding of findings) show(finding, terminal)
  return findings.some(({ state }) => state === 'problem') ? 1 : 0
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: false }).values
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split(/\.?\n|\. /)
    throw new UsageError(`${sentence}.`, 'mlmm doctor --help says more.')
  }
}

async function examine(given: { env: string; project?: string }, now: () => Date): Promise<Finding[]> {
  const configuration = findingsOf('configuration')
  const file = await readEnvFile(given.env)
  const env: Record<string, string | undefined> = { ...file, ...process.env }
  const where = file === null ? `the environment (there is no ${given.env})` : given.env
  try {
    const context: DoctorContext = {
      config: readConfig(withStart(env)),
      hasDatabaseUrl: (env['MONGODB_URL'] ?? '') !== '',
      project: given.project ?? null,
      now,
    }
    const found = await Promise.all(checks.map(([name, check]) => examineLink(name, check, context)))
    return [configuration.ok(`complete, from ${where}`), ...found.flat()]
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const problems = error.message.split('\n').slice(1)
    const fix = `put it right in ${given.env}, or run mlmm setup`
    return problems.map((text) => configuration.problem(text.trim(), fix))
  }
}

/** What `npm start` brings where it is not set. */
function withStart(env: Record<string, string | undefined>): Record<string, string | undefined> {
  return {
    ...env,
    MONGODB_URL: env['MONGODB_URL'] || 'mongodb://127.0.0.1',
    SESSION_SECRET: env['SESSION_SECRET'] || '-'.repeat(32),
  }
}

async function examineLink(name: string, check: Check, context: DoctorContext): Promise<Finding[]> {
  const { problem } = findingsOf(name)
  try {
    return await check(context)
  } catch (error) {
    if (error instanceof Unreachable)
      return [problem(error.message, fixes[name] ?? 'look at GITLAB_URL and the network')]
    // An answer of another shape; its values are not told, because they may be secrets.
    return [problem('what answers is not what GitLab answers', 'look at GITLAB_URL')]
  }
}

const fixes: Readonly<Record<string, string>> = {
  service: 'start the service, and look at PUBLIC_URL, the name server and the reverse proxy',
}

const colours = { ok: 32, problem: 31, skipped: 90 } as const

function show({ state, name, text, fix }: Finding, terminal: Terminal): void {
  const word = terminal.isTerminal ? `\u001b[${colours[state]}m${state.padEnd(9)}\u001b[0m` : state.padEnd(9)
  terminal.write(`${word}${plainLine(`${name}: ${text}`)}\n`)
  if (fix !== undefined) terminal.write(`${' '.repeat(9)}→ ${plainLine(fix)}\n`)
}
