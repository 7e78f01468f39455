import { parseArgs } from 'node:util'
import { useOutboundProxy } from '../service/gitlab/outbound-proxy.js'
import { plainLine } from '../service/render/plain.js'
import { outcomeLines, runContract } from './run.js'

const usage = `Usage: npm run contract -- <GitLab URL>, with an access token in GITLAB_TOKEN

Makes a private project of its own, tries in it what mlmm needs of GitLab, removes the project, and prints what holds.
The token needs the scope api and may belong to anybody who can make projects.
`

process.exitCode = await main()

async function main(): Promise<number> {
  const { positionals } = parseArgs({ allowPositionals: true })
  const [url, ...others] = positionals
  const token = process.env.GITLAB_TOKEN
  if (url === undefined || others.length > 0 || token === undefined || token === '') {
    process.stderr.write(usage)
    return 64
  }
  useOutboundProxy(process.env)
  try {
    const outcome = await runContract({ url: url.replace(/\/+$/, ''), token })
    process.stdout.write(`${outcomeLines(outcome).join('\n')}\n`)
    return outcome.client.every(({ error }) => error === null) ? 0 : 1
  } catch (error) {
    process.stderr.write(`${plainLine(error instanceof Error ? error.message : String(error))}\n`)
    return 1
  }
}
