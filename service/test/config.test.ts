import t from 'tap'
import { ConfigError, readConfig } from '../config.js'

const smallest = {
  PUBLIC_URL: 'https://mlmm.example.com/',
  MONGODB_URL: 'mongodb://127.0.0.1/',
  GITLAB_URL: 'https://git.example.com/gitlab/',
  GITLAB_BOT_TOKEN: 'glpat-secret-of-the-bot',
  SESSION_SECRET: 's'.repeat(32),
}

t.test('the smallest environment gives a whole configuration', async (t) => {
  t.match(readConfig(smallest), {
    host: '127.0.0.1',
    port: 8080,
    publicUrl: 'https://mlmm.example.com',
    gitlab: {
      url: 'https://git.example.com/gitlab',
      apiUrl: 'https://git.example.com/gitlab',
      issuer: 'https://git.example.com/gitlab',
      jwksUrl: 'https://git.example.com/gitlab/oauth/discovery/keys',
    },
    autoConnect: [],
    trustProxy: false,
    logLevel: 'info',
  })
})

t.test('issuer, keys and API may each be elsewhere', async (t) => {
  const { gitlab } = readConfig({
    ...smallest,
    GITLAB_API_URL: 'http://gitlab.internal/',
    GITLAB_ISSUER: 'https://issuer.example.com/',
    GITLAB_JWKS_URL: 'https://keys.example.com/jwks',
  })

  t.match(gitlab, {
    apiUrl: 'http://gitlab.internal',
    issuer: 'https://issuer.example.com/',
    jwksUrl: 'https://keys.example.com/jwks',
  })
})

t.test('patterns are separated by commas or spaces, flags are words', async (t) => {
  const config = readConfig({
    ...smallest,
    AUTO_CONNECT: 'research/*, team/** other/iris',
    TRUST_PROXY: 'true',
    PORT: '0',
  })

  t.match(config, { autoConnect: ['research/*', 'team/**', 'other/iris'], trustProxy: true, port: 0 })
})

t.test('every problem is told at once, secrets are not', async (t) => {
  const env = {
    PUBLIC_URL: 'mlmm',
    PORT: '99999',
    SESSION_SECRET: 'too-short',
    AUTO_CONNECT: '*',
    GITLAB_URL: '',
  }

  const error = t.throws(() => readConfig(env), ConfigError) as ConfigError

  for (const name of [
    'PUBLIC_URL',
    'MONGODB_URL',
    'PORT',
    'SESSION_SECRET',
    'AUTO_CONNECT',
    'GITLAB_URL',
    'GITLAB_BOT_TOKEN',
  ]) {
    t.match(error.message, new RegExp(`^  ${name} `, 'm'))
  }
  t.match(error.message, 'MONGODB_URL is not set')
  t.notMatch(error.message, 'too-short')
})

t.test('signing in needs an application with its secret and keys for what it keeps', async (t) => {
  const { GITLAB_BOT_TOKEN: _, ...withoutBot } = smallest
  const key = Buffer.alloc(32, 7).toString('base64')
  const application = { GITLAB_CLIENT_ID: 'id', GITLAB_CLIENT_SECRET: 'secret' }

  const config = readConfig({ ...withoutBot, ...application, ENCRYPTION_KEYS: `new:${key}, old:${key}` })

  t.match(config, { oauth: { clientId: 'id', clientSecret: 'secret' }, gitlab: { botToken: null } })
  t.same(
    config.encryptionKeys.map(({ name, key }) => [name, key.length]),
    [
      ['new', 32],
      ['old', 32],
    ],
  )
  t.throws(() => readConfig({ ...smallest, ...application }), /^ {2}ENCRYPTION_KEYS /m)
  t.throws(() => readConfig({ ...smallest, GITLAB_CLIENT_ID: 'id' }), /^ {2}GITLAB_CLIENT_SECRET /m)
  for (const keys of ['new', `new:${key.slice(4)}`, `new:${key},new:${key}`]) {
    t.throws(() => readConfig({ ...smallest, ENCRYPTION_KEYS: keys }), /^ {2}ENCRYPTION_KEYS must /m)
  }
})

for (const url of [
  'ftp://x',
  'https://user:pw@x',
  'https://x/?a=b',
  'https://x/$(id)',
  "https://x/'",
  'https://x//y',
]) {
  t.test(`${url} is no address for the CI template`, async (t) => {
    t.throws(() => readConfig({ ...smallest, PUBLIC_URL: url }), /PUBLIC_URL/)
  })
}
