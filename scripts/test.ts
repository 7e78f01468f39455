import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startMongod } from '../embedded/mongod.js'

/**
 * `npm test`: runs tap with one mongod for all test files, prints the details of what failed and a line for
 * each file, and closes with the counts. Arguments go to tap.
 */

const tap = fileURLToPath(new URL('../node_modules/.bin/tap', import.meta.url))

process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const given = process.env.MLMM_TEST_MONGODB_URL ?? process.env.MONGODB_URL
  const mongod = given ? null : await startMongod()
  try {
    return await runTap(args, { ...process.env, MLMM_TEST_MONGODB_URL: given ?? mongod?.url })
  } finally {
    await mongod?.stop()
  }
}

async function runTap(args: string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(tap, ['run', '--reporter=tap', ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  let counts: Counts = { passed: 0, failed: 0, skipped: 0 }
  for await (const line of createInterface(child.stdout)) {
    const file = /^(not )?ok \d+ - (.+?) # time=([\d.]+)ms/.exec(line)
    if (file) say(`${file[1] ? 'FAILED' : 'ok    '} ${file[2]} (${(Number(file[3]) / 1000).toFixed(1)} s)`)
    else if (!isRoutine(line)) say(line)
    counts = countsIn(line) ?? counts
  }
  const [code] = await closed
  return close(counts, Number(code ?? 1))
}

// What passed, plans, comments and blank lines; the rest tells what failed.
function isRoutine(line: string): boolean {
  return /^(TAP version 14|\s*(ok \d.*|\d+\.\.\d+.*|#.*)?)$/.test(line)
}

function close(counts: Counts, code: number): number {
  const failed = code === 0 ? counts.failed : Math.max(counts.failed, 1)
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''
  say(`${counts.passed} passed, ${failed} failed${skipped}`)
  return failed === 0 ? 0 : 1
}

interface Counts {
  passed: number
  failed: number
  skipped: number
}

// tap's own sum: `# { total: 28, pass: 24, fail: 2, todo: 1, skip: 1 }`
function countsIn(line: string): Counts | null {
  if (!/^# \{ total: \d+/.test(line)) return null
  const count = (name: string) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(line)?.[1] ?? 0)
  return { passed: count('pass'), failed: count('fail'), skipped: count('skip') + count('todo') }
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
