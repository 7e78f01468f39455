import { createServer } from 'node:http'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { requestedTooManyTimes, retryLater } from '../../simulator/faults.js'
import { startSimulator, type Simulator } from '../../simulator/simulator.js'
import { gitbeaker } from './support/gitbeaker.js'
import { clientGo, pythonGitlab } from './support/programs.js'
import type { Task } from './support/task.js'

const noteCount = 120

for (const client of [gitbeaker, pythonGitlab, clientGo]) {
  t.test(`${client.name} reads and writes`, async (t) => {
    const { gitlab, task, received } = await startWorld(t)
    gitlab.faults.add({ route: /\/repository\/branches/, ...requestedTooManyTimes })
    const throttled = gitlab.faults.add({ route: /\/repository\/tree/, times: 1, ...retryLater(1) })

    const answers = await client.exercise(task)

    const [bulkIid, madeIid] = [task.bulkIid, task.bulkIid + 1]
    t.same(answers, {
      user: 'max',
      projectByPath: task.projectId,
      projectById: task.projectPath,
      madeIid,
      shown: ['Made by a client', task.sourceBranch, task.sha],
      listed: [bulkIid, madeIid],
      notes: ['first, edited'],
      status: ['success', 'mlmm'],
      statuses: ['mlmm success'],
      members: ['ada', 'max'],
      pipelines: [task.pipelineId],
      jobs: ['test failed', 'train success'],
      file: 'über\n',
      rawFile: 'über\n',
      tree: ['data'],
      paged: noteCount,
      hook: [true, false, true, 'executable'],
      hooksLeft: 0,
      errors: { missing: 404, unauthorized: 401, limited: 429 },
    })
    t.equal(throttled.hits(), 1, 'waited and asked again')
    t.same(received, client.testsHooks ? ['Push Hook'] : [])
    checkState(t, gitlab, task)
  })
}

function checkState(t: Test, gitlab: Simulator, task: Task): void {
  const made = [...gitlab.state.mergeRequests.values()].find(
    ({ sourceBranch }) => sourceBranch === task.sourceBranch,
  )
  const statuses = [...gitlab.state.jobs.values()].filter((job) => job.external)
  const bulk = `/merge_requests/${task.bulkIid}/notes?`
  const pages = gitlab.calls.filter(({ path }) => path.includes(bulk) && path.includes('per_page=50'))

  t.match(made, { title: 'Made by a client', sha: task.sha, state: 'opened' })
  t.match(gitlab.listNotes(task.projectId, made?.iid ?? 0), [{ body: 'first, edited' }])
  t.match(statuses, [{ name: 'mlmm', status: 'success', description: 'as good as main' }])
  t.equal(pages.length, 3)
  t.equal(gitlab.state.hooks.size, 0)
}

interface ClientWorld {
  gitlab: Simulator
  task: Task
  /** The events that the receiver of webhooks was told. */
  received: string[]
}

async function startWorld(t: Test): Promise<ClientWorld> {
  const gitlab = await startSimulator({ relativePath: '/gitlab' })
  t.teardown(() => gitlab.close())
  const author = gitlab.createUser({ username: 'ada', name: 'Ada' })
  const maintainer = gitlab.createUser({ username: 'max', name: 'Max' })
  const members = [
    { userId: author.id, accessLevel: 30 },
    { userId: maintainer.id, accessLevel: 40, kind: 'inherited' as const },
  ]
  const project = await gitlab.createProject({ path: 'research/vision/iris', visibility: 'private', members })
  const push = (branch: string, files: Record<string, string>) =>
    gitlab.pushFiles({ projectId: project.id, branch, files, userId: author.id, startBranch: 'main' })
  await push('main', { 'data/a b.txt': 'über\n' })
  await push('bulk', { bulk: 'x' })
  const sha = await push('feature', { feature: 'x' })
  const bulk = await gitlab.createMergeRequest({
    projectId: project.id,
    sourceBranch: 'bulk',
    targetBranch: 'main',
    title: 'Many notes',
    userId: author.id,
  })
  const pipeline = gitlab.createPipeline({
    projectId: project.id,
    mrIid: bulk.iid,
    jobs: [{ name: 'train' }, { name: 'test' }],
  })
  for (const job of pipeline.jobs) gitlab.setJobStatus(job.id, job.name === 'train' ? 'success' : 'failed')
  await gitlab.settled()
  const projectPath = project.path
  const { receiver, received } = await startReceiver(t)
  const task: Task = {
    url: gitlab.url,
    token: maintainer.token,
    projectPath,
    projectId: project.id,
    sourceBranch: 'feature',
    sha,
    pipelineId: pipeline.id,
    bulkIid: bulk.iid,
    file: 'data/a b.txt',
    receiver,
  }
  await writeNotes(task)
  gitlab.clearCalls()
  return { gitlab, task, received }
}

async function writeNotes({ url, token, projectId, bulkIid }: Task): Promise<void> {
  for (let written = 0; written < noteCount; written += 1) {
    const answer = await fetch(`${url}/api/v4/projects/${projectId}/merge_requests/${bulkIid}/notes`, {
      method: 'POST',
      headers: { 'private-token': token, 'content-type': 'application/json' },
      body: JSON.stringify({ body: `Note ${written}` }),
    })
    if (answer.status !== 201) throw new Error(`No note: ${answer.status} ${await answer.text()}`)
    await answer.arrayBuffer()
  }
}

async function startReceiver(t: Test): Promise<{ receiver: string; received: string[] }> {
  const received: string[] = []
  const server = createServer((request, reply) => {
    received.push(String(request.headers['x-gitlab-event']))
    request.resume().on('end', () => reply.writeHead(200).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : ''
  return { receiver: `http://127.0.0.1:${port}/hook`, received }
}
