import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'

import { gitEnvironment } from '../git/git.js'
import { call, startStory } from './helper.js'

const run = promisify(execFile)
const folder = await mkdtemp(join(tmpdir(), 'mlmm-git-test-'))
t.teardown(() => rm(folder, { recursive: true, force: true }))

async function git(cwd: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('git', args, { cwd, env: { ...gitEnvironment(), HOME: folder } })
  return stdout.trim()
}

function withToken(url: string, token: string): string {
  return url.replace('http://', `http://anyone:${token}@`)
}

const story = await startStory(t, { relativePath: '/gitlab', prepareDelayMs: 200 })
const { gitlab, project, author } = story

t.test('a push makes a merge request follow its branch, and the diff comes later', async (t) => {
  const clone = join(folder, 'clone')
  await git(folder, 'clone', '--quiet', withToken(project.httpUrl, author.token), clone)
  await writeFile(join(clone, 'b.txt'), 'two\n')
  await git(clone, 'checkout', '--quiet', '-b', 'feature')
  await git(clone, 'add', '.')
  await git(clone, 'commit', '--quiet', '-m', 'Add b')
  await git(clone, 'push', '--quiet', 'origin', 'feature')
  const made = await call(gitlab, author.token, 'POST', `/projects/${project.id}/merge_requests`, {
    source_branch: 'feature',
    target_branch: 'main',
    title: 'Add b',
  })
  const path = `/projects/${project.id}/merge_requests/1`

  await gitlab.settled()
  const ready = await call(gitlab, author.token, 'GET', path)
  await writeFile(join(clone, 'c.txt'), 'three\n')
  await git(clone, 'add', '.')
  await git(clone, 'commit', '--quiet', '-m', 'Add c')
  await git(clone, 'push', '--quiet', 'origin', 'feature')
  await gitlab.settled()
  const pushed = await call(gitlab, author.token, 'GET', path)

  const base = await git(clone, 'rev-parse', 'main')
  const head = await git(clone, 'rev-parse', 'feature')
  t.match(made, { status: 201, json: { diff_refs: null, prepared_at: null, changes_count: null } })
  t.match(ready.json, { diff_refs: { base_sha: base, start_sha: base }, changes_count: '1' })
  t.match(pushed.json, { sha: head, diff_refs: { base_sha: base, head_sha: head }, changes_count: '2' })
  t.equal(await git(clone, 'ls-remote', 'origin', 'refs/merge-requests/1/head').then(first), head)
})

function first(line: string): string {
  return line.split(/\s/)[0] ?? ''
}

t.test('public projects clone without a token, private ones do not exist', async (t) => {
  const secret = await gitlab.createProject({ path: 'research/secret', visibility: 'private' })

  await t.resolves(git(folder, 'clone', '--quiet', project.httpUrl, 'public'))
  await t.rejects(git(folder, 'clone', '--quiet', secret.httpUrl, 'anonymous'))
  await t.rejects(git(folder, 'clone', '--quiet', withToken(secret.httpUrl, author.token), 'hidden'))
})

t.test('pushing needs a developer', async (t) => {
  const guest = gitlab.createUser({ username: 'guest' })
  const clone = join(folder, 'public')

  await t.rejects(
    git(clone, 'push', '--quiet', withToken(project.httpUrl, guest.token), 'HEAD:refs/heads/evil'),
  )
  await t.rejects(git(clone, 'push', '--quiet', project.httpUrl, 'HEAD:refs/heads/evil'))
})

t.test('the token of a running job reads', async (t) => {
  const secret = await gitlab.createProject({
    path: 'research/jobs',
    members: [{ userId: author.id, accessLevel: 30 }],
  })
  const sha = await gitlab.pushFiles({
    projectId: secret.id,
    branch: 'main',
    files: { a: 'a' },
    userId: author.id,
  })
  const { jobs } = gitlab.createPipeline({
    projectId: secret.id,
    sha,
    ref: 'main',
    userId: author.id,
    jobs: [{ name: 'train' }],
  })
  const job = jobs[0]
  if (job === undefined) throw new Error('no job')
  const url = secret.httpUrl.replace('http://', `http://gitlab-ci-token:${job.token}@`)

  await t.rejects(git(folder, 'clone', '--quiet', url, 'too-early'))
  gitlab.setJobStatus(job.id, 'running')
  await t.resolves(git(folder, 'clone', '--quiet', url, 'job'))
  await t.rejects(git(join(folder, 'job'), 'push', '--quiet', url, 'HEAD:refs/heads/evil'))
})
