import { useOutboundProxy } from '../service/gitlab/outbound-proxy.js'
import { askSecret } from './ask-secret.js'
import { run } from './run.js'

const { stdout, stderr } = process

useOutboundProxy(process.env)

process.exitCode = await run(process.argv.slice(2), {
  write: (text) => stdout.write(text),
  complain: (text) => stderr.write(text),
  isTerminal: stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '',
  askSecret,
})
