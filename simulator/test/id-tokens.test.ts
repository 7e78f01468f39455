import { createRemoteJWKSet, jwtVerify } from 'jose'
import t from 'tap'

import { openMergeRequest, startStory, type Story } from './helper.js'

const aud = 'https://mlmm.example.com'

async function jobOnMain(story: Story): Promise<{ jobId: number; sha: string }> {
  const { gitlab, project, author } = story
  const sha = await gitlab.pushFiles({
    projectId: project.id,
    branch: 'main',
    files: { 'b.txt': 'b' },
    userId: author.id,
  })
  const pipeline = gitlab.createPipeline({
    projectId: project.id,
    sha,
    ref: 'main',
    jobs: [{ name: 'train' }],
  })
  return { jobId: pipeline.jobs[0]?.id ?? 0, sha }
}

const main = await startStory(t)
const { gitlab, project, author } = main
const { jobId, sha } = await jobOnMain(main)
const discovery = (await (await fetch(`${gitlab.url}/.well-known/openid-configuration`)).json()) as {
  issuer: string
  jwks_uri: string
}

function verify(token: string) {
  return jwtVerify(token, createRemoteJWKSet(new URL(discovery.jwks_uri)), {
    issuer: discovery.issuer,
    audience: aud,
    algorithms: ['RS256'],
  })
}

t.test('tokens verify and say where the job runs, in strings', async (t) => {
  const { payload } = await verify(gitlab.idToken({ jobId, aud }))

  t.match(payload, {
    iss: gitlab.url,
    aud,
    sub: 'project_path:research/iris:ref_type:branch:ref:main',
    project_id: String(project.id),
    project_path: 'research/iris',
    namespace_path: 'research',
    job_project_id: String(project.id),
    user_id: String(author.id),
    user_access_level: 'developer',
    pipeline_source: 'push',
    job_id: String(jobId),
    ref: 'main',
    ref_type: 'branch',
    ref_path: 'refs/heads/main',
    ref_protected: 'true',
    sha,
    project_visibility: 'public',
  })
  t.equal((payload.iat ?? 0) - (payload.nbf ?? 0), 5)
})

t.test('the published keys are two', async (t) => {
  const keys = (await (await fetch(discovery.jwks_uri)).json()) as { keys: { kid: string; use: string }[] }

  t.equal(keys.keys.length, 2)
  t.equal(new Set(keys.keys.map((key) => key.kid)).size, 2)
})

t.test('forgeries are refused', async (t) => {
  const forgeries = {
    'foreign key': gitlab.idToken({ jobId, aud, key: 'foreign' }),
    'no signature': gitlab.idToken({ jobId, aud, alg: 'none' }),
    'public key as secret': gitlab.idToken({ jobId, aud, alg: 'HS256' }),
    'other audience': gitlab.idToken({ jobId, aud: 'https://other.example.com' }),
    'other issuer': gitlab.idToken({ jobId, aud, overrides: { iss: 'https://evil.example.com' } }),
    expired: gitlab.idToken({ jobId, aud, shiftSeconds: -7200 }),
    'not yet valid': gitlab.idToken({ jobId, aud, shiftSeconds: 600 }),
  }

  for (const [name, token] of Object.entries(forgeries)) await t.rejects(verify(token), name)
})

t.test('a claim can be taken out', async (t) => {
  const token = gitlab.idToken({ jobId, aud, overrides: { exp: undefined } })

  t.equal((await verify(token)).payload.exp, undefined)
})

t.test('after a rotation old tokens hold only while their key is published', async (t) => {
  const old = gitlab.idToken({ jobId, aud })

  gitlab.rotateKeys({ keepOld: true })
  await t.resolves(verify(old))
  await t.resolves(verify(gitlab.idToken({ jobId, aud })))
  gitlab.rotateKeys({ keepOld: false })
  await t.rejects(verify(old))
})

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

t.test('tokens of a merged-results pipeline name the synthetic commit and the source branch', async (t) => {
  const story = await startStory(t)
  const mr = await openMergeRequest(story)
  const pipeline = story.gitlab.createPipeline({
    projectId: story.project.id,
    mrIid: mr.iid,
    sha: 'c'.repeat(40),
    merged: { sourceSha: mr.sha, targetSha: 'd'.repeat(40) },
    jobs: [{ name: 'train' }],
  })

  const claims = claimsOf(story.gitlab.idToken({ jobId: pipeline.jobs[0]?.id ?? 0, aud }))

  t.equal(pipeline.ref, `refs/merge-requests/${mr.iid}/merge`)
  t.match(claims, {
    sha: 'c'.repeat(40),
    ref: 'feature',
    ref_path: 'refs/heads/feature',
    ref_protected: 'false',
    pipeline_source: 'merge_request_event',
  })
})

t.test('tokens of a fork pipeline in the parent name the fork as project', async (t) => {
  const story = await startStory(t)
  const { gitlab, project, author } = story
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
  const pipeline = gitlab.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs: [{ name: 'train' }] })

  const claims = claimsOf(gitlab.idToken({ jobId: pipeline.jobs[0]?.id ?? 0, aud }))

  t.match(claims, {
    project_id: String(fork.id),
    job_project_id: String(project.id),
    project_path: 'ada/iris',
  })
})

t.test('old versions know fewer claims', async (t) => {
  const story = await startStory(t, { version: '16.0' })
  const { jobId } = await jobOnMain(story)

  const claims = claimsOf(story.gitlab.idToken({ jobId, aud }))

  t.match(claims, { ref_path: 'refs/heads/main', sha: String })
  for (const name of ['job_project_id', 'user_access_level', 'project_visibility', 'ci_config_sha']) {
    t.notOk(name in claims, name)
  }
})
