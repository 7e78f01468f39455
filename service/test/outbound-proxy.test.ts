import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort, startService } from '../../demo/service-process.js'
import { openTestDatabase } from '../../embedded/test-database.js'
import { startSimulator } from '../../simulator/simulator.js'

// No name of any network: only the proxy knows where it is.
const gitlabHost = 'gitlab.mlmm.invalid'
const report = { models: [{ dataset: 'iris', name: 'logistic', results: { accuracy: 0.9 } }] }

t.test('GitLab is reached through HTTP_PROXY, and hosts of NO_PROXY without it', async (t) => {
  const gitlab = await startGitLab(t)
  const proxy = await startProxy(t, gitlab.port)
  const settings = { HTTP_PROXY: proxy.url, GITLAB_URL: `http://${gitlabHost}`, ...gitlab.settings }

  const through = await send(await start(t, settings), gitlab.idToken)
  const asked = new Set(proxy.asked)
  const around = await send(await start(t, { ...settings, NO_PROXY: gitlabHost }), gitlab.idToken)

  t.equal(through.status, 202)
  t.same([...asked], [`${gitlabHost}:80`])
  t.match(around, { status: 503, code: 'IDENTITY_KEYS_UNAVAILABLE' })
})

/** With a bot, and a job that has a model to report. */
async function startGitLab(t: Test) {
  const simulator = await startSimulator({ issuerUrl: `http://${gitlabHost}` })
  t.teardown(() => simulator.close())
  const bot = simulator.createUser({ username: 'mlmm-bot', bot: true })
  const members = [{ userId: bot.id, accessLevel: 40 }]
  const project = await simulator.createProject({ path: 'research/iris', members })
  const files = { 'train.py': 'print(1)\n' }
  const sha = await simulator.pushFiles({ projectId: project.id, branch: 'main', files, userId: bot.id })
  const { jobs } = simulator.createPipeline({
    projectId: project.id,
    ref: 'main',
    sha,
    jobs: [{ name: 'train' }],
  })
  return {
    port: Number(new URL(simulator.url).port),
    settings: { GITLAB_BOT_TOKEN: bot.token, AUTO_CONNECT: 'research/*' },
    idToken: (aud: string) => simulator.idToken({ jobId: jobs[0]?.id ?? 0, aud }),
  }
}

/** Leads every tunnel to one port of this host, and keeps what it was asked for. */
async function startProxy(t: Test, port: number) {
  const asked: string[] = []
  const server = createServer()
  server.on('connect', (request, socket) => {
    asked.push(request.url ?? '')
    const tunnel = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      tunnel.pipe(socket).pipe(tunnel)
    })
    for (const end of [socket, tunnel]) end.on('error', () => socket.destroy())
    t.teardown(() => tunnel.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

/** Answers with its address. */
async function start(t: Test, settings: Record<string, string>): Promise<string> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { url: MONGODB_URL } = await openTestDatabase(t)
  const service = await startService(
    { ...settings, PORT: String(port), PUBLIC_URL: url, MONGODB_URL, SESSION_SECRET: 's'.repeat(32) },
    join(t.testdir(), 'service.log'),
  )
  t.teardown(() => service.stop())
  return url
}

async function send(url: string, idToken: (aud: string) => string) {
  const answer = await fetch(`${url}/api/v1/reports`, {
    method: 'POST',
    headers: { authorization: `Bearer ${idToken(url)}`, 'content-type': 'application/json' },
    body: JSON.stringify(report),
  })
  const { code } = (await answer.json()) as { code?: string }
  return { status: answer.status, code }
}
