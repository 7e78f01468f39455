import { parseArgs } from 'node:util'
import { type Config, ConfigError, readConfig } from './config.js'
import { createGitLab } from './gitlab/client.js'
import { GitLabError } from './gitlab/errors.js'
import type { GitLabPerson } from './gitlab/port.js'
import { plainLine } from './render/plain.js'
import { connectDatabase } from './stores/database.js'
import { ensureIndexes } from './stores/indexes.js'
import { createStores, type Stores } from './stores/stores.js'

const usage = `Usage: npm run token -- <GitLab user id> [--days N] [--read]
       npm run token -- <GitLab user id> --revoke

Makes a personal token for the API and prints it, once.
  --days N   it ends after N days, 1 to 365 (default 90)
  --read     it may only read
  --revoke   ends all tokens of this user instead
`
const exitCode = { failed: 1, usage: 64, config: 78 } as const
const dayMs = 24 * 3_600_000

interface Asked {
  userId: number
  days: number
  scope: 'read' | 'write'
  revoke: boolean
}

class Refused extends Error {
  readonly exitCode: number

  constructor(message: string, code: number) {
    super(message)
    this.name = 'Refused'
    this.exitCode = code
  }
}

await main().catch(tell)

/** `npm run token`: the token goes to standard output, the words about it to standard error. */
async function main(): Promise<void> {
  const asked = readArguments(process.argv.slice(2))
  const config = readConfig(process.env)
  const database = await connectDatabase(config.mongodbUrl)
  try {
    await ensureIndexes(database.db)
    const stores = createStores(database)
    if (asked.revoke) await revoke(stores, asked)
    else await make(config, stores, asked)
  } finally {
    await database.client.close()
  }
}

function readArguments(args: string[]): Asked {
  const { values, positionals } = parsed(args)
  const [user = '', ...others] = positionals
  if (user === '' || others.length > 0) throw new Refused(usage, exitCode.usage)
  if (!/^[1-9]\d{0,14}$/.test(user)) {
    throw new Refused(
      `${plainLine(user)} is no GitLab user id. The id is a number; GitLab shows it in the menu of the user's profile.\n`,
      exitCode.usage,
    )
  }
  const days = Number(values.days ?? '90')
  if (!Number.isInteger(days) || days < 1 || days > 365) {
    throw new Refused(`--days ${plainLine(String(values.days))}: must be from 1 to 365.\n`, exitCode.usage)
  }
  return {
    userId: Number(user),
    days,
    scope: values.read === true ? 'read' : 'write',
    revoke: values.revoke === true,
  }
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { days: { type: 'string' }, read: { type: 'boolean' }, revoke: { type: 'boolean' } },
    })
  } catch (error) {
    const said = error instanceof Error ? plainLine(error.message) : ''
    throw new Refused(`${said}\n\n${usage}`, exitCode.usage)
  }
}

async function revoke({ apiTokens }: Stores, { userId }: Asked): Promise<void> {
  const count = await apiTokens.revokeAll(userId, new Date())
  process.stderr.write(
    `${count} ${count === 1 ? 'token' : 'tokens'} of GitLab user ${userId} ended; none holds now.\n`,
  )
}

async function make(config: Config, { apiTokens }: Stores, asked: Asked): Promise<void> {
  const { userId, scope, days } = asked
  const gitlab = createGitLab({ apiUrl: config.gitlab.apiUrl, token: config.gitlab.botToken ?? '' })
  const user = await gitlab.findUser(userId)
  if (user === null) {
    throw new Refused(`${config.gitlab.url} has no user ${userId}. No token was made.\n`, exitCode.failed)
  }
  if (user.state !== 'active') {
    throw new Refused(
      `${nameOf(user)} is ${plainLine(user.state)} in GitLab. No token was made.\n`,
      exitCode.failed,
    )
  }
  const now = new Date()
  const expiresAt = new Date(now.getTime() + days * dayMs)
  const { token } = await apiTokens.create(
    { gitlabUserId: userId, name: user.username, scope, expiresAt },
    now,
  )
  process.stdout.write(`${token}\n`)
  process.stderr.write(`${words(user, { ...asked, expiresAt })}\n`)
}

function words(user: GitLabPerson, { userId, scope, expiresAt }: Asked & { expiresAt: Date }): string {
  const may =
    scope === 'read'
      ? 'It may only read what this person may read in GitLab.'
      : "It may do what the person's role in a project allows: read (Reporter), exclude models (Developer), accept broken rules and change settings (Maintainer)."
  return [
    `This token speaks for ${nameOf(user)} until ${expiresAt.toISOString().slice(0, 10)}.`,
    may,
    'It is shown only this once. To end all tokens of this person:',
    `  npm run token -- ${userId} --revoke`,
  ].join('\n')
}

function nameOf({ id, name, username }: GitLabPerson): string {
  return `${plainLine(name)} (@${plainLine(username)}, user ${id})`
}

function tell(error: unknown): void {
  const [message, code] = described(error)
  process.stderr.write(message)
  process.exitCode = code
}

function described(error: unknown): [message: string, code: number] {
  if (error instanceof Refused) return [error.message, error.exitCode]
  if (error instanceof ConfigError) return [`${error.message}\n`, exitCode.config]
  if (error instanceof GitLabError) {
    return [`The bot could not ask GitLab about the user. ${plainLine(error.message)}\n`, exitCode.failed]
  }
  const said = error instanceof Error ? plainLine(error.message) : 'no reason given'
  return [`No token was made: ${said}\n`, exitCode.failed]
}
