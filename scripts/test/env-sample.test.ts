import { readFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import t from 'tap'
import { Environment, readConfig } from '../../service/config.js'

const sample = await readFile(new URL('../../.env.sample', import.meta.url), 'utf8')

t.test('.env.sample names every variable of the configuration, and no other', async (t) => {
  const named = sample.match(/^#?[A-Z_]+(?==)/gm) ?? []

  t.same(named.map((name) => name.replace('#', '')).toSorted(), Object.keys(Environment.shape).toSorted())
})

t.test('.env.sample is a configuration once the secrets are filled in', async (t) => {
  const filled = {
    GITLAB_BOT_TOKEN: 'glpat-some',
    SESSION_SECRET: 'x'.repeat(32),
    MONGODB_URL: 'mongodb://mongo',
  }

  const config = readConfig({ ...parseEnv(sample), ...filled })

  t.equal(config.publicUrl, 'https://mlmm.example.com')
  t.equal(config.gitlab.jwksUrl, 'https://gitlab.example.com/oauth/discovery/keys')
})
