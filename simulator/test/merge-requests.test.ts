import t from 'tap'

import type { Project } from '../state.js'
import { call, openMergeRequest, startStory, type Answer } from './helper.js'

const story = await startStory(t)
const { gitlab, author, project } = story

async function commitOf(revision: string): Promise<{ id: string; parent_ids: string[]; title: string }> {
  const path = `/projects/${project.id}/repository/commits/${encodeURIComponent(revision)}`
  return (await call(gitlab, author.token, 'GET', path)).json as {
    id: string
    parent_ids: string[]
    title: string
  }
}

async function mergeWith(method: Project['mergeMethod'], branch: string, body: object = {}): Promise<Answer> {
  gitlab.updateProject(project.id, { mergeMethod: method })
  const mr = await openMergeRequest(story, branch)
  await gitlab.settled()
  return call(gitlab, author.token, 'PUT', `/projects/${project.id}/merge_requests/${mr.iid}/merge`, body)
}

t.test('a merge commit has both heads as parents', async (t) => {
  const before = await commitOf('main')
  const answer = await mergeWith('merge', 'plain')
  const merged = answer.json as { merge_commit_sha: string; sha: string }
  const after = await commitOf('main')

  t.match(answer, {
    status: 200,
    json: { state: 'merged', merged_by: { id: author.id }, squash_commit_sha: null },
  })
  t.equal(after.id, merged.merge_commit_sha)
  t.same(after.parent_ids, [before.id, merged.sha])
})

t.test('a squash makes one commit of the branch before merging it', async (t) => {
  const before = await commitOf('main')
  const answer = await mergeWith('merge', 'squashed', { squash: true })
  const merged = answer.json as { merge_commit_sha: string; squash_commit_sha: string }
  const squashed = await commitOf(merged.squash_commit_sha)

  t.match(squashed, { title: 'Try squashed', parent_ids: [before.id] })
  t.same((await commitOf('main')).parent_ids, [before.id, squashed.id])
})

t.test('a fast-forward moves the branch to the head', async (t) => {
  const answer = await mergeWith('ff', 'forward')
  const merged = answer.json as { sha: string }

  t.match(answer.json, { state: 'merged', merge_commit_sha: null })
  t.equal((await commitOf('main')).id, merged.sha)
})

t.test('what cannot be merged is refused', async (t) => {
  gitlab.updateProject(project.id, { mergeMethod: 'merge' })
  const mr = await openMergeRequest(story, 'conflicting')
  const files = { 'conflicting.txt': 'other\n' }
  await gitlab.pushFiles({ projectId: project.id, branch: 'main', files, userId: author.id })
  await gitlab.settled()
  const path = `/projects/${project.id}/merge_requests/${mr.iid}`

  const shown = await call(gitlab, author.token, 'GET', path)
  const conflict = await call(gitlab, author.token, 'PUT', `${path}/merge`, {})
  const moved = await call(gitlab, author.token, 'PUT', `${path}/merge`, { sha: 'f'.repeat(40) })
  await call(gitlab, author.token, 'PUT', path, { state_event: 'close' })
  const closed = await call(gitlab, author.token, 'PUT', `${path}/merge`, {})

  t.match(shown.json, { has_conflicts: true, detailed_merge_status: 'conflict' })
  t.equal(conflict.status, 422)
  t.equal(moved.status, 409)
  t.equal(closed.status, 405)
})

t.test('a request is merged when its commits are pushed to the target', async (t) => {
  gitlab.updateProject(project.id, { mergeMethod: 'merge' })
  const mr = await openMergeRequest(story, 'by-hand')
  const other = await gitlab.createMergeRequest({
    projectId: project.id,
    sourceBranch: 'by-hand',
    targetBranch: 'main',
    title: 'The same again',
    userId: author.id,
  })
  await gitlab.settled()

  await gitlab.mergeMergeRequest(project.id, mr.iid, author.id)
  await gitlab.settled()

  t.equal(other.state, 'merged')
})

t.test('several requests of one branch, found by branch, state and commit', async (t) => {
  const mr = await openMergeRequest(story, 'shared')
  const files = { x: '1' }
  await gitlab.pushFiles({
    projectId: project.id,
    branch: 'stable',
    files,
    userId: author.id,
    startBranch: 'main',
  })
  await gitlab.createMergeRequest({
    projectId: project.id,
    sourceBranch: 'shared',
    targetBranch: 'stable',
    title: 'Backport',
    userId: author.id,
  })
  await gitlab.settled()
  const list = (query: string) => call(gitlab, null, 'GET', `/projects/${project.id}/merge_requests?${query}`)

  const ofBranch = await list(`source_branch=shared&source_project_id=${project.id}&state=opened&sort=asc`)
  const ofCommit = await call(
    gitlab,
    null,
    'GET',
    `/projects/${project.id}/repository/commits/${mr.sha}/merge_requests`,
  )
  const twice = await call(gitlab, author.token, 'POST', `/projects/${project.id}/merge_requests`, {
    source_branch: 'shared',
    target_branch: 'main',
    title: 'Twice',
  })

  t.match(ofBranch.json, [
    { iid: mr.iid, target_branch: 'main', sha: mr.sha },
    { target_branch: 'stable', sha: mr.sha },
  ])
  t.equal((ofCommit.json as unknown[]).length, 2)
  t.notOk('diff_refs' in ((ofCommit.json as object[])[0] ?? {}))
  t.equal(twice.status, 409)
})

t.test('the merge base and ranges of commits', async (t) => {
  const mr = await openMergeRequest(story, 'ranged')
  await gitlab.settled()
  const repository = `/projects/${project.id}/repository`

  const base = await call(gitlab, null, 'GET', `${repository}/merge_base?refs[]=main&refs[]=ranged`)
  const one = await call(gitlab, null, 'GET', `${repository}/merge_base?refs[]=main`)
  const unknown = await call(gitlab, null, 'GET', `${repository}/merge_base?refs[]=main&refs[]=x&refs[]=y`)
  const range = await call(gitlab, null, 'GET', `${repository}/commits?ref_name=main..ranged`)
  const raw = await call(gitlab, null, 'GET', `${repository}/files/ranged.txt/raw?ref=ranged`)
  const missing = await call(gitlab, null, 'GET', `${repository}/files/.mlmm.yml/raw?ref=main`)

  t.match(base.json, { id: mr.diffRefs?.base_sha })
  t.match(one, { status: 400, json: { message: 'Provide at least 2 refs' } })
  t.match(unknown, { status: 400, json: { message: 'Could not find refs: x, y' } })
  t.match(range.json, [{ id: mr.sha }])
  t.match(raw, { status: 200, text: 'two\n' })
  t.match(missing, { status: 404, json: { message: '404 File Not Found' } })
})

t.test('a fork that is deleted leaves its requests behind', async (t) => {
  const fork = await gitlab.createProject({ path: 'ada/iris', forkedFrom: project.id, visibility: 'public' })
  await gitlab.pushFiles({ projectId: fork.id, branch: 'fix', files: { x: 'x' }, userId: author.id })
  const mr = await gitlab.createMergeRequest({
    projectId: project.id,
    sourceProjectId: fork.id,
    sourceBranch: 'fix',
    targetBranch: 'main',
    title: 'Fix',
    userId: author.id,
  })
  await gitlab.settled()

  await gitlab.deleteProject(fork.id)

  const shown = await call(gitlab, null, 'GET', `/projects/${project.id}/merge_requests/${mr.iid}`)
  t.match(shown, { status: 200, json: { source_project_id: null, sha: mr.sha, state: 'opened' } })
  t.match(await call(gitlab, null, 'GET', `/projects/${fork.id}`), { status: 404 })
})
