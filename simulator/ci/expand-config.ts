import { execFile } from 'node:child_process'
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { parse } from 'yaml'

import { essentialEnv } from './essential-env.js'
import { PipelineError } from './pipeline-error.js'
import type { Variables } from './variables.js'

const run = promisify(execFile)
const tool = createRequire(import.meta.url).resolve('gitlab-ci-local')
const timeoutMs = 60_000

export interface ExpandInput {
  repoDir: string
  stateDir: string
  variables: Variables
}

/** Resolves includes, inputs, `extends` and `!reference` of a clone's `.gitlab-ci.yml` with gitlab-ci-local. */
export async function expandConfig({ repoDir, stateDir, variables }: ExpandInput): Promise<unknown> {
  const home = join(stateDir, 'home')
  await mkdir(home, { recursive: true })
  // The tool takes paths relative to its working directory only, and symbolic links would break the dots.
  const cwd = await realpath(repoDir)
  const state = await realpath(stateDir)
  await writeFile(join(state, 'variables.json'), JSON.stringify(variablesFile(variables)))

  await runTool(cwd, home, [
    '--preview',
    '--fetch-includes',
    `--state-dir=${relative(cwd, join(state, 'gcl'))}`,
    `--home=${home}`,
    `--variables-file=${relative(cwd, join(state, 'variables.json'))}`,
    // It would diff with origin/<default>; rules of jobs are evaluated by us.
    '--evaluate-rule-changes=false',
    ...(variables.CI_COMMIT_BRANCH === undefined ? ['--unset-variable=CI_COMMIT_BRANCH'] : []),
  ])

  // What --preview prints lacks `default:` and may begin with warnings; this file holds all of it.
  const expanded = await readFile(join(state, 'gcl', 'expanded-gitlab-ci.yml'), 'utf8')
  return parse(expanded, { maxAliasCount: -1 })
}

async function runTool(cwd: string, home: string, args: string[]): Promise<void> {
  try {
    // A quarter less CPU: the process ends before optimised code would pay.
    await run(process.execPath, ['--no-opt', tool, ...args], {
      cwd,
      env: essentialEnv(home),
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: 64 * 1024 * 1024,
    })
  } catch (error) {
    throw new PipelineError(explain(error), { cause: error })
  }
}

function explain(error: unknown): string {
  const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
  const text = stripVTControlCharacters(stderr)
    .replace(/Using fallback git [\w .]+\n/g, '')
    .replace(/Unable to retrieve default remote branch[^\n]*?<default_branch>`\)?/g, '')
    .replace(/Unable to retrieve default remote branch[^\n]*\n/g, '')
    .replace(/^parsing and downloads finished in .*\n/gm, '')
    .trim()
  return text === '' ? 'The CI/CD configuration could not be read' : text.slice(0, 4_000)
}

/**
 * Only `include` reads these. The tool puts values into JavaScript that it evaluates, so those it would misread
 * (backslashes, dollars, control characters) stay away.
 */
function variablesFile(variables: Variables): Record<string, unknown> {
  const plain = Object.entries(variables).filter(([, value]) => /^[^\\$\p{C}]*$/u.test(value))
  return Object.fromEntries(
    plain.map(([name, value]) => [name, { type: 'variable', values: { '*': value } }]),
  )
}
