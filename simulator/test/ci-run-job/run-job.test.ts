import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t from 'tap'

import { createJobCase, createOrigin, isAlive } from './fixtures/job-case.js'

t.test('before_script and script run in one shell, in a clone at the commit', async (t) => {
  const { origin, run, sha } = createJobCase(t)
  origin.commit({ 'data.csv': 'newer\n' })

  const { result, trace, workDir } = await run({
    beforeScript: ['greeting=hello', 'mkdir sub && cd sub'],
    script: ['echo "$greeting from $PWD"', 'git rev-parse HEAD --abbrev-ref HEAD', 'cat ../data.csv', 'cat'],
  })

  t.match(result, { status: 'success', exitCode: 0, failureReason: null })
  t.ok(result.durationSeconds > 0)
  const lines = trace.split('\n')
  const shown = lines.slice(lines.indexOf('$ greeting=hello'))
  t.same(shown, [
    '$ greeting=hello',
    '$ mkdir sub && cd sub',
    '$ echo "$greeting from $PWD"',
    `hello from ${workDir}/sub`,
    '$ git rev-parse HEAD --abbrev-ref HEAD',
    sha,
    'HEAD',
    '$ cat ../data.csv',
    '1,2',
    '$ cat',
    'Job succeeded',
    '',
  ])
  t.notOk(existsSync(`${workDir}.tmp`), 'the runner leaves none of its own files')
})

t.test('a job sees its variables, expanded, and nothing of the simulator', async (t) => {
  const { run } = createJobCase(t)
  process.env.SIMULATOR_SECRET = 'leaked'
  t.teardown(() => delete process.env.SIMULATOR_SECRET)

  const { trace, workDir } = await run(
    {
      variables: {
        MODEL: 'tree-$CI_JOB_ID',
        OUT: '${CI_PROJECT_DIR}/$MODEL',
        PRICE: '$$5',
        NONE: '[$NOT_SET]',
      },
      script: ['echo "$OUT"', 'echo "$PRICE $NONE $CI_JOB_STATUS $TITLE"', 'env'],
    },
    { env: { CI_JOB_ID: '7', TITLE: 'costs $HOME' } },
  )

  t.match(trace, `\n${workDir}/tree-7\n`)
  t.match(trace, '\n$5 [] running costs $HOME\n')
  t.notMatch(trace, 'leaked')
  t.match(trace, `\nHOME=${workDir}.tmp/home\n`)
})

t.test('the first failing command ends the script with its exit code', async (t) => {
  const { run } = createJobCase(t)

  const failed = await run({ script: ['echo before', 'bash -c "exit 3"', 'echo after'] })
  const piped = await run({ script: ['false | cat', 'echo after'] })
  const broken = await run({ script: ['if true', 'echo after'] })

  t.match(failed.result, { status: 'failed', exitCode: 3, failureReason: 'script_failure' })
  t.match(failed.trace, /\nbefore\n\$ bash -c "exit 3"\nERROR: Job failed: exit code 3\n$/)
  t.match(piped.result, { status: 'failed', exitCode: 1 })
  t.notMatch(piped.trace, '\nafter\n')
  t.match(broken.result, { status: 'failed', failureReason: 'script_failure' })
  t.notMatch(broken.trace, '\nafter\n')
})

t.test('after_script has its own shell, knows the status and cannot fail the job', async (t) => {
  const { run } = createJobCase(t)
  const afterScript = ['echo "status $CI_JOB_STATUS, [$made] in $PWD"', 'exit 9']

  const success = await run({ script: ['export made=here; cd /'], afterScript })
  const failed = await run({ script: ['exit 1'], afterScript })

  t.match(success.result, { status: 'success', exitCode: 0 })
  t.match(success.trace, `\nstatus success, [] in ${success.workDir}\n`)
  t.match(success.trace, 'WARNING: after_script failed, but job will continue unaffected: exit status 9')
  t.match(failed.result, { status: 'failed', exitCode: 1 })
  t.match(failed.trace, `\nstatus failed, [] in ${failed.workDir}\n`)
})

t.test('after_script ends at its own limit', async (t) => {
  const { run } = createJobCase(t)

  const { result, trace } = await run(
    { script: ['true'], afterScript: ['echo begun', 'sleep 300', 'echo ended'] },
    { afterScriptTimeoutMs: 300 },
  )

  t.match(result, { status: 'success' })
  t.ok(result.durationSeconds < 20)
  t.match(
    trace,
    /\nbegun\n\$ sleep 300\nWARNING: after_script failed.*context deadline exceeded\nJob succeeded/,
  )
})

t.test('a job over its time is killed and its after_script does not run', async (t) => {
  const { run } = createJobCase(t)

  const { result, trace } = await run({
    timeoutSeconds: 2.5,
    script: ["trap '' TERM", 'echo begun', 'sleep 300'],
    afterScript: ['echo cleaning'],
  })

  t.match(result, { status: 'failed', exitCode: null, failureReason: 'job_execution_timeout' })
  t.ok(result.durationSeconds < 20)
  t.match(trace, '\nbegun\n')
  t.notMatch(trace, '\ncleaning\n')
})

t.test('a cancelled job still runs its after_script', async (t) => {
  const { run } = createJobCase(t)
  const cancel = new AbortController()

  const { result, trace } = await run(
    { script: ['echo begun', 'sleep 300'], afterScript: ['echo "status $CI_JOB_STATUS"'] },
    { signal: cancel.signal, onTrace: (trace) => trace.includes('\nbegun\n') && cancel.abort() },
  )

  t.match(result, { status: 'canceled', exitCode: null, failureReason: null })
  t.match(trace, '\nstatus canceled\n')
})

t.test('a job cancelled before its script begins runs nothing', async (t) => {
  const { run } = createJobCase(t)

  const { result, trace } = await run(
    { script: ['echo begun'], afterScript: ['echo cleaning'] },
    { signal: AbortSignal.abort() },
  )

  t.match(result, { status: 'canceled' })
  t.notMatch(trace, /begun|cleaning/)
})

t.test('stop ends the after_script as well', async (t) => {
  const { run } = createJobCase(t)
  const stop = new AbortController()

  const { result, trace } = await run(
    { script: ['true'], afterScript: ['echo begun', 'sleep 300'] },
    { stop: stop.signal, onTrace: (trace) => trace.includes('\nbegun\n') && stop.abort() },
  )

  t.match(result, { status: 'success' })
  t.ok(result.durationSeconds < 20)
  t.match(trace, '\nbegun\n')
})

t.test('artifacts travel from job to job', async (t) => {
  const { run } = createJobCase(t)

  const train = await run({
    variables: { DIR: 'out' },
    script: [
      'mkdir -p out/deep logs',
      'echo 0.9 > out/deep/m.json',
      'echo a > logs/a.log',
      'echo b > logs/b.txt',
    ],
    artifacts: {
      paths: ['$DIR/', 'logs/*.log', '**/m.json', '../../origin/data.csv', 'missing'],
      when: 'on_success',
    },
  })
  const report = await run(
    { script: ['cat out/deep/m.json logs/a.log', 'ls logs'] },
    { artifactsIn: [train.artifacts] },
  )

  t.equal(readFileSync(join(train.artifacts, 'out/deep/m.json'), 'utf8'), '0.9\n')
  t.notOk(existsSync(join(train.artifacts, 'logs/b.txt')))
  t.match(train.trace, 'WARNING: missing: no matching files')
  t.match(train.trace, 'WARNING: ../../origin/data.csv: no matching files')
  t.match(report.trace, '\n0.9\na\n$ ls logs\na.log\nJob succeeded')
})

t.test('artifacts:when decides by the status', async (t) => {
  const { run } = createJobCase(t)
  const has = async (when: 'on_success' | 'on_failure' | 'always', end: string) => {
    const job = { script: ['echo x > x', end], artifacts: { paths: ['x'], when } }
    return existsSync(join((await run(job)).artifacts, 'x'))
  }

  t.same(
    await Promise.all([
      has('on_success', 'exit 1'),
      has('on_failure', 'exit 1'),
      has('always', 'exit 1'),
      has('on_failure', 'true'),
    ]),
    [false, true, true, false],
  )
})

t.test('tokens do not appear in the trace, however they are printed', async (t) => {
  const { run } = createJobCase(t)

  const { result, trace } = await run(
    {
      idTokens: { MLMM_ID_TOKEN: { aud: ['x'] } },
      script: [
        'echo "$CI_JOB_TOKEN and $MLMM_ID_TOKEN"',
        'printf %s "${MLMM_ID_TOKEN:0:5}"; sleep 0.2; printf "%s\\n" "${MLMM_ID_TOKEN:5}"',
      ],
      afterScript: ['echo "after $MLMM_ID_TOKEN"'],
    },
    { env: { CI_JOB_TOKEN: 'glcbt-abc', MLMM_ID_TOKEN: 'eyJhbGciOiJSUzI1NiJ9.e30.sig' } },
  )

  t.match(result, { status: 'success' })
  t.match(trace, '\n[MASKED] and [MASKED]\n')
  t.match(trace, '\nafter [MASKED]\n')
  t.notMatch(trace, /glcbt-abc|eyJhbGciOiJSUzI1NiJ9|sig\n/)
})

t.test('commands reach the shell as they are written', async (t) => {
  const { run, sha } = createJobCase(t)
  const odd = `it's "odd" \\ $HOME \`id\` %s 'x'`

  const { result, trace } = await run({
    script: [
      `printf '%s\\n' ${`'${odd.replaceAll("'", "'\\''")}'`}`,
      `cat <<'END'\n${odd}\n  '; exit 7; '\nEND`,
      "# a comment with ' in it",
      '  ',
      'echo "$(printf a; # b\n)"',
    ],
    afterScript: [`echo 'é ☃' \\\n  two`],
  })

  t.match(result, { status: 'success' })
  t.match(
    trace,
    `\n${odd}\n$ cat <<'END' # collapsed multi-line command\n${odd}\n  '; exit 7; '\n$ # a comment with ' in it\n`,
  )
  t.match(trace, `\n$ echo 'é ☃' \\ # collapsed multi-line command\né ☃ two\n`)
  t.match(trace, `Checking out ${sha.slice(0, 8)} as detached HEAD (ref is main)...`)
})

t.test('no process of a job is left', async (t) => {
  const { run } = createJobCase(t)

  const { result, trace } = await run({
    script: [
      'sleep 300 & echo "pid $! end"',
      'setsid sleep 300 & echo "pid $! end"',
      'nohup setsid bash -c "sleep 300; sleep 300" >/dev/null 2>&1 & echo "pid $! end"',
    ],
  })

  const pids = [...trace.matchAll(/^pid (\d+) end$/gm)].map((match) => Number(match[1]))
  t.match(result, { status: 'success' })
  t.ok(result.durationSeconds < 20)
  t.equal(pids.length, 3)
  t.same(pids.filter(isAlive), [])
})

t.test('a job dies with a killed simulator', async (t) => {
  const root = t.testdir({ origin: {} })
  const origin = createOrigin(join(root, 'origin'))
  const helper = fileURLToPath(new URL('fixtures/run-until-killed.ts', import.meta.url))
  const args = ['--import', 'tsx', helper, origin.url, origin.commit(), join(root, 'project')]
  const simulator = spawn(process.execPath, args, { env: { PATH: process.env.PATH } })
  t.teardown(() => simulator.kill('SIGKILL'))

  let trace = ''
  for await (const chunk of simulator.stdout) {
    trace += String(chunk)
    if (/^pid \d+ end$/m.test(trace)) break
  }
  const pid = Number(/^pid (\d+) end$/m.exec(trace)?.[1])
  t.ok(isAlive(pid))
  simulator.kill('SIGKILL')

  while (isAlive(pid)) await delay(20)
  t.pass('the shell is gone')
})

t.test('a commit that lies further back than GIT_DEPTH is found', async (t) => {
  const { origin, run, sha } = createJobCase(t)
  for (let count = 0; count < 3; count++) origin.commit()
  origin.git('update-ref', 'refs/merge-requests/1/head', 'HEAD')
  const script = ['git rev-parse HEAD', 'git rev-list --count HEAD']

  const deep = await run({ script, variables: { GIT_DEPTH: '2' } })
  const shallow = await run(
    { script, variables: { GIT_DEPTH: '2' } },
    { refSpec: 'refs/merge-requests/1/head', sha: origin.git('rev-parse', 'HEAD') },
  )

  t.match(deep.trace, `\n${sha}\n`)
  t.match(shallow.result, { status: 'success' })
  t.match(shallow.trace, '\n$ git rev-list --count HEAD\n2\n')
})

t.test('sources that cannot be fetched are a failure of the runner', async (t) => {
  const { run, sha } = createJobCase(t)
  const job = { script: ['echo begun'], afterScript: ['echo cleaning'] }

  const runs = await Promise.all([
    run(job, { refSpec: 'refs/heads/gone' }),
    run(job, { sha: sha.replace(/./g, '0') }),
    run(job, { cloneUrl: 'http://127.0.0.1:1/x.git' }),
  ])

  for (const { result, trace } of runs) {
    t.match(result, { status: 'failed', exitCode: null, failureReason: 'runner_system_failure' })
    t.match(trace, 'ERROR: Job failed (system failure)')
    t.notMatch(trace, /begun|cleaning/)
  }
})

t.test('a work folder with something in it is refused', async (t) => {
  const { run } = createJobCase(t)
  const workDir = join(t.testdirName, 'used')
  mkdirSync(workDir)
  writeFileSync(join(workDir, 'mine'), 'keep')

  const { result } = await run({ script: ['rm -f mine'] }, { workDir })

  t.match(result, { status: 'failed', failureReason: 'runner_system_failure' })
  t.equal(readFileSync(join(workDir, 'mine'), 'utf8'), 'keep')
})
