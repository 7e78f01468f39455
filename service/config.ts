import { z } from 'zod'

const HttpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .transform((url) => url.replace(/\/+$/, ''))

const Secret = z.string().min(32, 'must have at least 32 characters').meta({ secret: true })

const PathPatterns = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter((pattern) => pattern !== ''))
  .refine((patterns) => patterns.every((pattern) => /^[\w.~*-]+(\/[\w.~*-]+)+$/.test(pattern)), {
    error: 'must be a list of paths like "research/*" or "team/**", separated by commas',
  })

const EncryptionKeys = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter((key) => key !== ''))
  .transform((keys) => keys.map(readEncryptionKey))
  .refine((keys) => keys.every((key) => key !== null), {
    error: 'must be a list of keys like "2026a:…" with 32 bytes in base64 (openssl rand -base64 32) each',
  })
  .transform((keys) => keys.filter((key) => key !== null))
  .refine((keys) => new Set(keys.map(({ name }) => name)).size === keys.length, {
    error: 'must not name two keys alike',
  })
  .meta({ secret: true })

/** The environment of the service. The only place that says what a variable means. */
export const Environment = z.object({
  HOST: z.string().default('127.0.0.1').describe('Address to listen on.'),
  PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65535)
    .default(8080)
    .describe('Port to listen on; 0 takes a free one.'),
  PUBLIC_URL: HttpUrl.refine(
    (url) => /^https?:\/\/[A-Za-z0-9.-]+(:[0-9]+)?(\/[A-Za-z0-9._~-]+)*$/.test(url),
    {
      error: 'must be http(s)://host[:port][/path] in plain letters, because it stands in the CI template',
    },
  ).describe(
    "Address under which GitLab, its jobs and people reach this service; also the ID tokens' `aud`.",
  ),
  MONGODB_URL: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//, 'must start with mongodb:// or mongodb+srv://')
    .describe('MongoDB 6 or newer, a replica set; the path names the database (default `mlmm`).'),
  GITLAB_URL: HttpUrl.describe('The GitLab instance, with its path if it has one.'),
  GITLAB_API_URL: HttpUrl.optional().describe(
    'Where this service reaches GitLab, if not at `GITLAB_URL` (split DNS); without `/api/v4`.',
  ),
  GITLAB_ISSUER: z
    .url({ protocol: /^https?$/, error: 'must be an http or https address' })
    .optional()
    .describe("The exact `iss` of the instance's ID tokens, if not `GITLAB_URL`."),
  GITLAB_JWKS_URL: HttpUrl.optional().describe(
    "The keys of the instance's ID tokens, if not `<GITLAB_API_URL>/oauth/discovery/keys`.",
  ),
  GITLAB_BOT_TOKEN: z
    .string()
    .min(1)
    .meta({ secret: true })
    .optional()
    .describe(
      'Access token (scope `api`) of the bot that reads projects and writes the notes. Not needed where people sign in and connect their projects.',
    ),
  GITLAB_CLIENT_ID: z
    .string()
    .min(1)
    .optional()
    .describe(
      'Application id of the GitLab OAuth application with which people sign in (scopes `read_user read_api api`, redirect URI `<PUBLIC_URL>/-/sign-in/callback`). Empty: nobody can sign in.',
    ),
  GITLAB_CLIENT_SECRET: z
    .string()
    .min(1)
    .meta({ secret: true })
    .optional()
    .describe("The application's secret."),
  ENCRYPTION_KEYS: EncryptionKeys.default([]).describe(
    'Keys for the GitLab tokens kept in the database, `<name>:<32 bytes in base64>` separated by commas. The first one encrypts, all decrypt: put a new one in front, and remove the old one after a day.',
  ),
  AUTO_CONNECT: PathPatterns.default([]).describe(
    'Paths of projects that connect themselves with their first report: `research/*` (one level), `team/**` (any depth), separated by commas. Empty: none.',
  ),
  SESSION_SECRET: Secret.describe(
    'Random text of 32 characters or more; signs sessions and the marker of our notes.',
  ),
  TRUST_PROXY: z
    .stringbool()
    .default(false)
    .describe('`true` behind a reverse proxy that sets `X-Forwarded-*`.'),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('How much is logged, as JSON lines on standard output.'),
})

export interface EncryptionKey {
  /** 1 to 40 of `A-Za-z0-9_-`; stands beside what it encrypted. */
  name: string
  /** 32 bytes. */
  key: Buffer
}

export interface Config {
  host: string
  port: number
  publicUrl: string
  mongodbUrl: string
  gitlab: { url: string; apiUrl: string; issuer: string; jwksUrl: string; botToken: string | null }
  /** Null where nobody can sign in. */
  oauth: { clientId: string; clientSecret: string } | null
  /** The first one encrypts, all decrypt. */
  encryptionKeys: EncryptionKey[]
  autoConnect: string[]
  sessionSecret: string
  trustProxy: boolean
  logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
}

export class ConfigError extends Error {
  constructor(problems: string[]) {
    super(
      `The configuration has ${problems.length === 1 ? 'a problem' : 'problems'}:\n${problems.join('\n')}`,
    )
    this.name = 'ConfigError'
  }
}

/** Reads the configuration from `env`; empty variables count as not set.
 * @throws ConfigError that lists every problem, a line each, without the values of secrets. */
export function readConfig(env: Record<string, string | undefined>): Config {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  )
  const parsed = Environment.safeParse(given)
  const issues = parsed.success ? [] : parsed.error.issues.map((issue) => describeIssue(issue, given))
  const problems = [...issues, ...describeMissing(given)]
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems)

  const values = parsed.data
  const apiUrl = values.GITLAB_API_URL ?? values.GITLAB_URL
  return {
    host: values.HOST,
    port: values.PORT,
    publicUrl: values.PUBLIC_URL,
    mongodbUrl: values.MONGODB_URL,
    gitlab: {
      url: values.GITLAB_URL,
      apiUrl,
      issuer: values.GITLAB_ISSUER ?? values.GITLAB_URL,
      jwksUrl: values.GITLAB_JWKS_URL ?? `${apiUrl}/oauth/discovery/keys`,
      botToken: values.GITLAB_BOT_TOKEN ?? null,
    },
    oauth: readOAuth(values),
    encryptionKeys: values.ENCRYPTION_KEYS,
    autoConnect: values.AUTO_CONNECT,
    sessionSecret: values.SESSION_SECRET,
    trustProxy: values.TRUST_PROXY,
    logLevel: values.LOG_LEVEL,
  }
}

function describeIssue(issue: z.core.$ZodIssue, given: Record<string, string | undefined>): string {
  const name = String(issue.path[0]) as keyof typeof Environment.shape
  const description = Environment.shape[name].description ?? ''
  if (!(name in given)) return `  ${name} is not set. ${description}`
  return `  ${name} ${issue.message}. ${description}`
}

function readOAuth(values: z.infer<typeof Environment>): Config['oauth'] {
  const { GITLAB_CLIENT_ID: clientId, GITLAB_CLIENT_SECRET: clientSecret } = values
  return clientId === undefined || clientSecret === undefined ? null : { clientId, clientSecret }
}

/** What is needed only beside, or instead of, something else. */
function describeMissing(given: Record<string, string | undefined>): string[] {
  const isSet = (name: keyof typeof Environment.shape) => given[name] !== undefined
  const problems: string[] = []
  if (!isSet('GITLAB_BOT_TOKEN') && !isSet('GITLAB_CLIENT_ID')) {
    problems.push('  GITLAB_BOT_TOKEN is not set, and neither is GITLAB_CLIENT_ID; one of them is needed.')
  }
  if (isSet('GITLAB_CLIENT_ID') !== isSet('GITLAB_CLIENT_SECRET')) {
    const name = isSet('GITLAB_CLIENT_ID') ? 'GITLAB_CLIENT_SECRET' : 'GITLAB_CLIENT_ID'
    problems.push(`  ${name} is not set; GITLAB_CLIENT_ID and GITLAB_CLIENT_SECRET belong together.`)
  }
  if (isSet('GITLAB_CLIENT_ID') && !isSet('ENCRYPTION_KEYS')) {
    problems.push(
      '  ENCRYPTION_KEYS is not set, which signing in needs: 1:… with the output of openssl rand -base64 32.',
    )
  }
  return problems
}

function readEncryptionKey(text: string): EncryptionKey | null {
  const match = /^([\w-]{1,40}):([A-Za-z0-9+/]{43}=?)$/.exec(text)
  if (match === null) return null
  const [, name = '', base64] = match
  const key = Buffer.from(base64 ?? '', 'base64')
  return key.length === 32 ? { name, key } : null
}
