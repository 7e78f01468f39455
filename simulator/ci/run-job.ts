import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

import { collectArtifacts, restoreArtifacts } from './artifacts.js'
import { checkOut } from './check-out.js'
import type { CompiledJob } from './compile.js'
import { essentialEnv } from './essential-env.js'
import { createMask } from './mask.js'
import { runGroup } from './process-group.js'
import { shellScript } from './shell-script.js'
import { expandText, expandVariables, type Variables } from './variables.js'

export interface RunJobInput {
  job: CompiledJob
  cloneUrl: string
  sha: string
  /** The ref to fetch, as `refs/heads/main` or `refs/merge-requests/1/head`. */
  refSpec: string
  /** The job's project folder, absent or empty; it stays when the job has ended. */
  workDir: string
  /** Predefined variables, CI_JOB_TOKEN and the ID tokens under their names; the job's own variables win over them. */
  env: Record<string, string>
  /** Folders that earlier jobs' artifacts were collected into. */
  artifactsIn: string[]
  /** The folder to collect this job's artifacts into. */
  artifactsOut: string
  /** Cancels the job: its script is killed, its `after_script` runs. */
  signal: AbortSignal
  /** Ends everything at once, without `after_script`: for a simulator that stops. */
  stop?: AbortSignal
  onLog(chunk: string): void
  /** GitLab gives 5 minutes. */
  afterScriptTimeoutMs?: number
}

export interface RunJobResult {
  status: 'success' | 'failed' | 'canceled'
  /** The script's; null if it did not come to its end. */
  exitCode: number | null
  /** GitLab's word for it, null unless failed. */
  failureReason: string | null
  durationSeconds: number
}

type Outcome = Omit<RunJobResult, 'durationSeconds'>

interface Run {
  input: RunJobInput
  projectDir: string
  /** The runner's own folder beside the project's. */
  tempDir: string
  env: Variables
  /** Aborted when the script has to end: cancelled, stopped, or out of time. */
  limit: AbortSignal
  timer: AbortSignal
  stop: AbortSignal
  write(text: string): void
}

const longestTimerMs = 2 ** 31 - 1
const canceled: Outcome = { status: 'canceled', exitCode: null, failureReason: null }
const systemFailure: Outcome = { status: 'failed', exitCode: null, failureReason: 'runner_system_failure' }

/** Runs a job as GitLab Runner does, in a fresh clone; nothing that it started is left when it answers. */
export async function runJob(input: RunJobInput): Promise<RunJobResult> {
  const startedAt = performance.now()
  const secrets = ['CI_JOB_TOKEN', ...Object.keys(input.job.idTokens)].map((name) => input.env[name] ?? '')
  const log = createMask(secrets, input.onLog)
  const run = prepare(input, log.write)
  let outcome: Outcome
  try {
    outcome = await runStages(run)
  } catch (error) {
    log.write(`ERROR: Job failed (system failure): ${String(error)}\n`)
    outcome = systemFailure
  } finally {
    await rm(run.tempDir, { recursive: true, force: true })
    log.end()
  }
  return { ...outcome, durationSeconds: (performance.now() - startedAt) / 1000 }
}

function prepare(input: RunJobInput, write: (text: string) => void): Run {
  const projectDir = resolve(input.workDir)
  const tempDir = `${projectDir}.tmp`
  const predefined: Variables = {
    ...input.env,
    CI_BUILDS_DIR: dirname(projectDir),
    CI_PROJECT_DIR: projectDir,
    RUNNER_TEMP_PROJECT_DIR: tempDir,
  }
  const env = {
    ...essentialEnv(join(tempDir, 'home')),
    ...predefined,
    ...expandVariables(input.job.variables, predefined),
    RUNNER_TEMP_PROJECT_DIR: tempDir,
  }
  const timer = AbortSignal.timeout(Math.min(input.job.timeoutSeconds * 1000, longestTimerMs))
  const stop = input.stop ?? new AbortController().signal
  const limit = AbortSignal.any([input.signal, stop, timer])
  return { input, projectDir, tempDir, env, limit, timer, stop, write }
}

async function runStages(run: Run): Promise<Outcome> {
  const { input, limit, write } = run
  if (limit.aborted) return finish(run, canceled)
  if (!(await getSources(run))) return finish(run, limit.aborted ? interrupted(run) : systemFailure)
  await restoreArtifacts(input.artifactsIn, run.projectDir)

  write('Executing "step_script" stage of the job script\n')
  const exitCode = await runShell(run, 'running', [...input.job.beforeScript, ...input.job.script], limit)
  const outcome = limit.aborted ? interrupted(run) : outcomeOf(exitCode)
  await runAfterScript(run, outcome)
  await uploadArtifacts(run, outcome)
  return finish(run, input.signal.aborted ? canceled : outcome)
}

function interrupted({ input, stop }: Run): Outcome {
  if (input.signal.aborted || stop.aborted) return canceled
  return { status: 'failed', exitCode: null, failureReason: 'job_execution_timeout' }
}

function outcomeOf(exitCode: number | null): Outcome {
  if (exitCode === 0) return { status: 'success', exitCode, failureReason: null }
  return { status: 'failed', exitCode, failureReason: 'script_failure' }
}

async function getSources(run: Run): Promise<boolean> {
  const { input, projectDir, tempDir, env, write } = run
  await mkdir(join(tempDir, 'home'), { recursive: true })
  await mkdir(projectDir, { recursive: true })
  const gitEnv = essentialEnv(join(tempDir, 'home'))
  if ((await readdir(projectDir)).length > 0) throw new Error(`${basename(projectDir)} is not empty`)
  return checkOut({
    cloneUrl: input.cloneUrl,
    sha: input.sha,
    refSpec: input.refSpec,
    workDir: projectDir,
    depth: Number(env.GIT_DEPTH ?? 20),
    log: (line) => write(`${line}\n`),
    git: async (args, options) => {
      const onOutput = options?.quiet ? () => {} : write
      const command = { command: 'git', args, cwd: projectDir, env: gitEnv, marker: null }
      return (await runGroup({ ...command, onOutput, stop: run.limit })) === 0
    },
  })
}

async function runAfterScript(run: Run, outcome: Outcome): Promise<void> {
  const { input, write, stop } = run
  const isTimeout = outcome.failureReason === 'job_execution_timeout'
  if (input.job.afterScript.length === 0 || isTimeout || stop.aborted) return
  const timer = AbortSignal.timeout(input.afterScriptTimeoutMs ?? 5 * 60_000)
  write('Running after_script\n')
  const stopAfter = AbortSignal.any([timer, stop])
  const exitCode = await runShell(run, outcome.status, input.job.afterScript, stopAfter)
  if (exitCode === 0) return
  const why = timer.aborted ? 'context deadline exceeded' : `exit status ${exitCode}`
  write(`WARNING: after_script failed, but job will continue unaffected: ${why}\n`)
}

async function runShell(
  run: Run,
  jobStatus: 'running' | RunJobResult['status'],
  commands: readonly string[],
  stop: AbortSignal,
): Promise<number | null> {
  const file = join(run.tempDir, `script-${jobStatus}`)
  await writeFile(file, shellScript(commands))
  return runGroup({
    command: 'bash',
    args: [file],
    cwd: run.projectDir,
    env: { ...run.env, CI_JOB_STATUS: jobStatus },
    marker: `RUNNER_TEMP_PROJECT_DIR=${run.tempDir}`,
    stop,
    onOutput: run.write,
  })
}

async function uploadArtifacts(run: Run, { status }: Outcome): Promise<void> {
  const { paths, when } = run.input.job.artifacts
  const isWanted = when === 'always' || (when === 'on_success' ? status === 'success' : status === 'failed')
  if (paths.length === 0 || !isWanted || run.stop.aborted) return
  run.write('Uploading artifacts...\n')
  await collectArtifacts({
    projectDir: run.projectDir,
    patterns: paths.map((path) => expandText(path, (name) => run.env[name])),
    into: run.input.artifactsOut,
    log: (line) => run.write(`${line}\n`),
  })
}

function finish({ input, write }: Run, outcome: Outcome): Outcome {
  write(`${lastLine(outcome, input.job.timeoutSeconds)}\n`)
  return outcome
}

function lastLine({ status, exitCode, failureReason }: Outcome, timeoutSeconds: number): string {
  if (status === 'success') return 'Job succeeded'
  if (status === 'canceled') return 'ERROR: Job failed: canceled'
  if (failureReason === 'job_execution_timeout') {
    return `ERROR: Job failed: execution took longer than ${timeoutSeconds} seconds`
  }
  if (failureReason === 'runner_system_failure') {
    return 'ERROR: Job failed (system failure): the sources could not be fetched'
  }
  return `ERROR: Job failed: ${exitCode === null ? 'killed' : `exit code ${exitCode}`}`
}
