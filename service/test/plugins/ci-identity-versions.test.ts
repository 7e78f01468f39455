import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { startSimulator, type SimulatorOptions } from '../../../simulator/simulator.js'
import { Problem } from '../../errors.js'
import { createSigningKeys } from '../../gitlab/keys.js'
import { ciIdentity } from '../../plugins/ci-identity.js'
import { refusals } from '../../plugins/refusals.js'

const audience = 'https://mlmm.example.com'

/** A project with a fork, a merge request from it, and a service that trusts this GitLab. */
async function startStory(test: Test, options: SimulatorOptions) {
  const simulator = await startSimulator({ prepareDelayMs: 0, ...options })
  test.teardown(() => simulator.close())
  const user = simulator.createUser({ username: 'ada' })
  const members = [{ userId: user.id, accessLevel: 40 }]
  const project = await simulator.createProject({ path: 'research/iris', members })
  const sha = await simulator.pushFiles({
    projectId: project.id,
    branch: 'main',
    files: { a: '1' },
    userId: user.id,
  })
  const fork = await simulator.createProject({ path: 'ada/iris', forkedFrom: project.id, members })
  await simulator.pushFiles({ projectId: fork.id, branch: 'feature', files: { a: '2' }, userId: user.id })
  const mr = await simulator.createMergeRequest({
    projectId: project.id,
    sourceProjectId: fork.id,
    sourceBranch: 'feature',
    targetBranch: 'main',
    title: 't',
    userId: user.id,
  })

  const keys = createSigningKeys({ url: `${simulator.url}/oauth/discovery/keys` })
  test.teardown(() => keys.close())
  const app = Fastify()
  await app.register(refusals)
  await app.register(ciIdentity, { keys, issuer: options.issuerUrl ?? simulator.url, audience })
  app.get('/who', (request) => request.ciIdentity())
  app.setErrorHandler((error, _request, reply) => {
    if (!(error instanceof Problem)) throw error
    return reply.code(error.status).send({ code: error.code })
  })
  test.teardown(() => app.close())

  async function who(token: string): Promise<Record<string, unknown>> {
    return (await app.inject({ url: '/who', headers: { authorization: `Bearer ${token}` } })).json()
  }
  return { simulator, user, project, fork, mr, sha, keys, who }
}

for (const version of ['16.0', '17.4', '18.4', '19.0'] as const) {
  t.test(`tokens of GitLab ${version}`, async (t) => {
    const knowsJobProject = version === '18.4' || version === '19.0'
    const { simulator, user, project, fork, mr, sha, who } = await startStory(t, {
      version,
      relativePath: '/gitlab',
    })
    const jobs = [{ name: 'train' }]
    const branch = simulator.createPipeline({
      projectId: project.id,
      sha,
      ref: 'main',
      jobs,
      userId: user.id,
    })
    const tag = simulator.createPipeline({
      projectId: project.id,
      sha,
      ref: 'v1',
      tag: true,
      jobs,
      userId: user.id,
    })
    const forkMr = simulator.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs })
    const token = (jobId = 0) => simulator.idToken({ jobId, aud: audience })

    t.match(await who(token(branch.jobs[0]?.id)), {
      gitlabProjectId: project.id,
      tokenProjectId: project.id,
      jobProjectId: knowsJobProject ? project.id : null,
      projectPath: 'research/iris',
      namespacePath: 'research',
      isFork: false,
      userId: user.id,
      userLogin: 'ada',
      pipelineId: branch.id,
      pipelineSource: 'push',
      jobId: branch.jobs[0]?.id,
      ref: 'main',
      refType: 'branch',
      refProtected: true,
      sha,
    })
    t.match(await who(token(tag.jobs[0]?.id)), { ref: 'v1', refType: 'tag' })
    t.match(await who(token(forkMr.jobs[0]?.id)), {
      gitlabProjectId: knowsJobProject ? project.id : fork.id,
      projectPath: knowsJobProject ? 'research/iris' : 'ada/iris',
      tokenProjectId: fork.id,
      isFork: knowsJobProject,
      pipelineSource: 'merge_request_event',
      ref: 'feature',
      refProtected: false,
      sha: mr.sha,
    })
  })
}

t.test('forgeries, rotation and an issuer of its own', async (t) => {
  const issuerUrl = 'https://issuer.example.com'
  const { simulator, project, sha, keys, who } = await startStory(t, { issuerUrl })
  const pipeline = simulator.createPipeline({
    projectId: project.id,
    sha,
    ref: 'main',
    jobs: [{ name: 'train' }],
  })
  const make = (knobs: Partial<Parameters<typeof simulator.idToken>[0]> = {}) =>
    simulator.idToken({ jobId: pipeline.jobs[0]?.id ?? 0, aud: audience, ...knobs })
  const withdrawn = make()

  t.match(await who(withdrawn), { gitlabProjectId: project.id })
  t.match(await who(make({ overrides: { iss: simulator.url } })), { code: 'ID_TOKEN_WRONG_ISSUER' })
  t.match(await who(make({ aud: [audience, 'x'] })), { code: 'ID_TOKEN_WRONG_AUDIENCE' })
  t.match(await who(make({ shiftSeconds: -3700 })), { code: 'ID_TOKEN_EXPIRED' })
  t.match(await who(make({ shiftSeconds: 120 })), { code: 'ID_TOKEN_INVALID' })
  t.match(await who(make({ overrides: { exp: undefined } })), { code: 'ID_TOKEN_INVALID' })
  t.match(await who(make({ key: 'foreign' })), { code: 'ID_TOKEN_INVALID' })
  t.match(await who(make({ alg: 'none' })), { code: 'ID_TOKEN_INVALID' })
  t.match(await who(make({ alg: 'HS256' })), { code: 'ID_TOKEN_INVALID' })
  t.match(await who(make({ kid: 'unknown' })), { code: 'ID_TOKEN_INVALID' })

  await simulator.rotateKeys({ keepOld: false })
  await keys.refresh()

  t.match(await who(make()), { gitlabProjectId: project.id })
  t.match(await who(withdrawn), { code: 'ID_TOKEN_INVALID' })
})
