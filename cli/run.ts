import { doctorCommand } from './doctor/doctor.js'
import { reportCommand } from './report.js'
import { setupCommand } from './setup/setup.js'
import { nearest } from '../service/domain/spelling.js'
import { plainLine } from '../service/render/plain.js'
import { type Terminal, UsageError } from './terminal.js'

const help = `mlmm shows what changes between two trainings of your models.

Usage: mlmm <command>

  report    print the note that mlmm would post on a merge request
  setup     prepare a GitLab for mlmm, and write the configuration of the service
  doctor    prove each link between mlmm and GitLab, and say what to fix

mlmm <command> --help says more.
`

type Command = (args: string[], terminal: Terminal) => Promise<number>

const commands: Readonly<Record<string, Command>> = {
  report: reportCommand,
  setup: setupCommand,
  doctor: doctorCommand,
}
const names = Object.keys(commands)

/** Runs one command. Answers with the exit code. */
export async function run(args: string[], terminal: Terminal): Promise<number> {
  const [command, ...rest] = args
  if (command === '--help' || command === '-h' || command === 'help') {
    terminal.write(help)
    return 0
  }
  try {
    const found = Object.entries(commands).find(([name]) => name === command)?.[1]
    if (found !== undefined) return await found(rest, terminal)
    throw new UsageError(
      command === undefined ? `A command is missing: ${names.join(', ')}.` : unknown(command),
    )
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    for (const line of error.lines) terminal.complain(`${plainLine(line)}\n`)
    return 2
  }
}

function unknown(command: string): string {
  const near = nearest(command, names)
  return `There is no command "${command}". ${near === null ? `Commands: ${names.join(', ')}.` : `Did you mean "${near}"?`}`
}
