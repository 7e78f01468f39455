import { parseArgs } from 'node:util'
import { Environment } from '../../service/config.js'
import { plainLine } from '../../service/render/plain.js'
import { openEnvFile } from '../env-file.js'
import { createGitLabApi, Refusal } from '../gitlab-api.js'
import { Unreachable } from '../http.js'
import { readPackaged } from '../packaged.js'
import { type Terminal, UsageError } from '../terminal.js'
import { planAllowlist } from './allowlist.js'
import { planApplication } from './application.js'
import { planBot } from './bot.js'
import { findCaller } from './caller.js'
import { componentVersion } from './component-files.js'
import { planComponent } from './component.js'
import { planSettings } from './settings.js'
import type { Plan, SetupContext, Step } from './step.js'

const tokenVariable = 'GITLAB_ADMIN_TOKEN'

const help = `Prepares a GitLab for mlmm, and writes the configuration of the service.

Usage: mlmm setup <GitLab URL> --public-url <URL> [--yes]

  --public-url <URL>  address under which GitLab, its jobs and people will reach mlmm
  --env <file>        the configuration to write; default: .env. Values that are there are kept
  --component <path>  project of the CI component; default: ml/mlmm
  --yes               do it. Without this, what would be done is printed, and GitLab is only read
  --help              print this

The token of an administrator (scope api, and admin_mode where GitLab has Admin Mode on) is taken from the environment
variable ${tokenVariable}, or asked for. It is used by this one run and kept nowhere. With another person's token the
steps that need an administrator are explained instead. Running it again changes nothing that is there.

NODE_EXTRA_CA_CERTS names the file with the certificate of a private authority.

Exit code: 0 everything is there or can be made, 1 something is not, 2 the arguments, the token or the address are wrong.
`

const options = {
  'public-url': { type: 'string' },
  env: { type: 'string', default: '.env' },
  component: { type: 'string', default: 'ml/mlmm' },
  yes: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const steps: readonly Step[] = [
  { name: 'configuration', plan: planSettings },
  { name: 'OAuth application', plan: planApplication },
  { name: 'bot', plan: planBot },
  { name: 'outbound requests', plan: planAllowlist },
  { name: 'CI component', plan: planComponent },
]

interface Planned {
  name: string
  plan: Plan
}

/** `mlmm setup`. Answers with the exit code.
 * @throws UsageError */
export async function setupCommand(args: string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = readArguments(args)
  if (values.help === true) {
    terminal.write(help)
    return 0
  }
  try {
    const context = await openContext(values, positionals, terminal)
    for (const line of greeting(context)) say(terminal, line)
    const planned: Planned[] = []
    for (const { name, plan } of steps) planned.push({ name, plan: await plan(context) })
    return values.yes === true ? await carryOut(context, planned, terminal) : show(planned, terminal)
  } catch (error) {
    if (error instanceof Unreachable) throw new UsageError(error.message)
    if (error instanceof Refusal) throw new UsageError(`${error.message}.`, 'Nothing was changed.')
    throw error
  }
}

function readArguments(args: string[]) {
  try {
    return parseArgs({ args, options, strict: true, allowPositionals: true })
  } catch (error) {
    const [sentence = ''] = (error as Error).message.split(/\.?\n|\. /)
    throw new UsageError(`${sentence}.`, seeHelp)
  }
}

const seeHelp = 'mlmm setup --help says more.'

type Given = ReturnType<typeof readArguments>['values']

async function openContext(given: Given, positionals: string[], terminal: Terminal): Promise<SetupContext> {
  const [gitlab, ...more] = positionals
  if (gitlab === undefined || more.length > 0)
    throw new UsageError('Give one address: that of GitLab.', seeHelp)
  const gitlabUrl = readAddress('GITLAB_URL', gitlab, '<GitLab URL>')
  const env = await openEnvFile(given.env, await readPackaged('.env.sample'))
  const publicText = given['public-url'] ?? env.value('PUBLIC_URL')
  if (publicText === '') throw new UsageError('--public-url <URL> is missing: the address of mlmm.', seeHelp)
  const publicUrl = readAddress('PUBLIC_URL', publicText, '--public-url')
  for (const [name, url] of [
    ['PUBLIC_URL', publicUrl],
    ['GITLAB_URL', gitlabUrl],
  ] as const) {
    const there = env.value(name).replace(/\/+$/, '')
    if (there !== '' && there !== url) {
      throw new UsageError(
        `${env.path} has ${name}=${there}, and ${url} is given. Values that are there are kept.`,
      )
    }
  }
  if (!/^[\w.-]+(\/[\w.-]+)+$/.test(given.component)) {
    throw new UsageError('--component must be the path of a project in a group, like ml/mlmm.')
  }
  const apiUrl = env.value('GITLAB_API_URL').replace(/\/+$/, '') || gitlabUrl
  const api = createGitLabApi({ url: apiUrl, token: await readToken(terminal) })
  const caller = await findCaller(api, apiUrl)
  return { api, caller, gitlabUrl, apiUrl, publicUrl, component: given.component, env, now: new Date() }
}

/** As the service will read it. */
function readAddress(name: 'GITLAB_URL' | 'PUBLIC_URL', text: string, option: string): string {
  const parsed = Environment.shape[name].safeParse(text)
  if (parsed.success) return parsed.data
  throw new UsageError(`${option} ${parsed.error.issues[0]?.message ?? 'is wrong'}. It is ${text}`)
}

async function readToken(terminal: Terminal): Promise<string> {
  const given =
    process.env[tokenVariable] ?? (await terminal.askSecret?.('Token of an administrator: ')) ?? ''
  const token = given.trim()
  if (/^[\x21-\x7e]+$/.test(token)) return token
  throw new UsageError(
    `${tokenVariable} is ${token === '' ? 'not set' : 'no token'}: the token of an administrator.`,
    seeHelp,
  )
}

function greeting({ caller, gitlabUrl, publicUrl }: SetupContext): string[] {
  const role = caller.isAdmin ? 'an administrator' : 'no administrator'
  const open = [gitlabUrl, publicUrl].filter((url) => url.startsWith('http:'))
  return [
    `GitLab ${caller.version} at ${gitlabUrl}, as @${caller.username}, ${role}`,
    ...open.map((url) => `warning: ${url} is http: tokens and results can be read on the way`),
  ]
}

function show(planned: Planned[], terminal: Terminal): number {
  for (const { name, plan } of planned) {
    const word = { exists: 'exists', make: 'would', cannot: 'cannot' }[plan.kind]
    sayStep(terminal, word, `${name}: ${plan.text}`)
    sayByHand(terminal, plan)
  }
  const isNeeded = planned.some(({ plan }) => plan.kind === 'make')
  say(terminal, isNeeded ? 'Nothing was changed. Repeat with --yes to do this.' : 'There is nothing to do.')
  return exitCode(planned)
}

async function carryOut(context: SetupContext, planned: Planned[], terminal: Terminal): Promise<number> {
  for (const [index, { name, plan }] of planned.entries()) {
    if (plan.kind !== 'make') {
      sayStep(terminal, plan.kind, `${name}: ${plan.text}`)
      sayByHand(terminal, plan)
      continue
    }
    try {
      sayStep(terminal, 'done', `${name}: ${await plan.run()}`)
    } catch (error) {
      sayStep(terminal, 'failed', `${name}: ${messageOf(error)}`)
      for (const { name: left } of planned.slice(index + 1)) sayStep(terminal, 'not done', left)
      say(terminal, 'Repeat it when that is put right; what is done is kept.')
      return 1
    }
  }
  if (planned.every(({ plan }) => plan.kind === 'exists'))
    say(terminal, 'Everything was there. Nothing was changed.')
  await sayNext(context, terminal)
  return exitCode(planned)
}

/** Of an answer that does not have what is needed, only the places are told: its values may be secrets. */
function messageOf(error: unknown): string {
  const { issues } = error as { issues?: { path: PropertyKey[] }[] }
  if (issues === undefined) return error instanceof Error ? error.message : String(error)
  return `GitLab's answer has no usable ${issues.map(({ path }) => path.join('.')).join(', ')}`
}

async function sayNext({ component, env }: SetupContext, terminal: Terminal): Promise<void> {
  const name = `$CI_SERVER_FQDN/${component}/mlmm@${await componentVersion()}`
  say(terminal, `In pipelines:  include: [{component: ${name}}]`)
  say(terminal, `Start the service with ${env.path}, then:  npx --no-install mlmm doctor --env ${env.path}`)
}

function sayStep(terminal: Terminal, word: string, text: string): void {
  say(terminal, `${word.padEnd(9)}${text}`)
}

function sayByHand(terminal: Terminal, plan: Plan): void {
  if (plan.kind !== 'cannot') return
  for (const line of plan.byHand) say(terminal, `${' '.repeat(11)}${line}`)
}

function say(terminal: Terminal, line: string): void {
  terminal.write(`${plainLine(line)}\n`)
}

function exitCode(planned: Planned[]): number {
  return planned.some(({ plan }) => plan.kind === 'cannot') ? 1 : 0
}
