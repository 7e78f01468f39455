import { execFile, execFileSync } from 'node:child_process'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import Fastify from 'fastify'
import t from 'tap'
import { parse } from 'yaml'
import { renderCiTemplate } from '../../service/render/ci-template.js'
import { loadTemplate, makeProject } from './helper.js'

const run = promisify(execFile)
const component = fileURLToPath(new URL('../templates/mlmm.yml', import.meta.url))
const example = fileURLToPath(new URL('../../examples/iris/.gitlab-ci.yml', import.meta.url))
const compiler = createRequire(import.meta.url).resolve('gitlab-ci-local/src/index.js')
const url = 'https://mlmm.example.com/tools'

const usual = `
train:
  extends: .mlmm
  variables: { MLMM_DATASET: iris }
  script:
    - python3 train.py
    - !reference [.mlmm-upload, script]
own:
  extends: .mlmm
  script: python3 train.py
  after_script:
    - echo own
    - !reference [.mlmm, after_script]
`

/** What GitLab makes of a pipeline, by the independent compiler of gitlab-ci-local. */
async function compile(t: Tap.Test, text: string, files: Record<string, string> = {}) {
  const project = await makeProject(t, { '.gitlab-ci.yml': text, ...files })
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: project,
      stdio: 'ignore',
    })
  git('init', '-q', '-b', 'main')
  git('add', '.')
  git('commit', '-qm', 'first')
  git('remote', 'add', 'origin', 'git@git.example.com:research/iris.git')
  const { stdout } = await run(process.execPath, [compiler, '--preview', '--state-dir', '.git/gcl'], {
    cwd: project,
  })
  return parse(stdout.slice(stdout.indexOf('---'))) as Record<string, unknown>
}
