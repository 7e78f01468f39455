/**
 * The file that bash runs for a job's commands, as GitLab Runner writes it: one `eval` for all, each command shown
 * before it runs, standard input empty.
 */
export function shellScript(commands: readonly string[]): string {
  return [
    'exec 2>&1',
    // Ends the group when the simulator dies: descriptor 3 is its lifeline.
    '{ read -r -u 3; kill -KILL 0; } >/dev/null &',
    'exec 3<&-',
    'set -eo pipefail',
    'set +o noclobber',
    // The parentheses are the runner's FF_USE_NEW_BASH_EVAL_STRATEGY: without them every failure exits with 1.
    `: | (eval ${quote(commands.map(showAndRun).join('\n'))})`,
    'exit 0',
    '',
  ].join('\n')
}

function showAndRun(command: string): string {
  const text = command.trim()
  if (text === '') return 'echo'
  const [first = '', ...more] = text.split('\n')
  const shown = more.length > 0 ? `$ ${first} # collapsed multi-line command` : `$ ${first}`
  return `printf '%s\\n' ${quote(shown)}\n${text}`
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
