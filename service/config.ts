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
    .describe('Access token (scope `api`) of the bot that reads projects and writes the notes.'),
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

export interface Config {
  host: string
  port: number
  publicUrl: string
  mongodbUrl: string
  gitlab: { url: string; apiUrl: string; issuer: string; jwksUrl: string; botToken: string }
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
  if (!parsed.success) throw new ConfigError(parsed.error.issues.map((issue) => describeIssue(issue, given)))

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
      botToken: values.GITLAB_BOT_TOKEN,
    },
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
