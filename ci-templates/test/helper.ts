import { spawn, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import multipart from '@fastify/multipart'
import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { parse } from 'yaml'
import { z } from 'zod'
import { renderCiTemplate } from '../../service/render/ci-template.js'

const templateUrl = new URL('../templates/mlmm.yml', import.meta.url)

const Template = z.object({
  '.mlmm': z.object({ after_script: z.array(z.string()) }),
  '.mlmm-upload': z.object({ script: z.array(z.string()) }),
  '.mlmm-gate': z.object({ script: z.array(z.string()) }),
})

export const token = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ0ZXN0In0.c2lnbmF0dXJl-_'

interface Upload {
  authorization: string | undefined
  accept: string | undefined
  context: unknown
  files: { name: string; bytes: Buffer }[]
}

interface Service {
  url: string
  uploads: Upload[]
  /** Every request's method and address, in order. */
  requests: string[]
  /** Of the gate's last question. */
  authorization: string | undefined
}

type Answer = (reply: FastifyReply, number: number) => unknown

interface Plan {
  post?: Answer
  get?: Answer
  gate?: Answer
  prefix?: string
  tls?: { key: string; cert: string }
}

interface Cleaning {
  after(callback: () => Promise<unknown>): void
}

const accepted: Answer = (reply) => reply.code(202).type('text/plain').send('report r-1\nstored 1 model\n')
const judged: Answer = (reply) =>
  reply.type('text/plain').send('logistic on iris: accuracy 0.933 → 0.956\nhttps://mlmm.example.com/x\n')

const passed: Answer = (reply) => reply.type('text/plain').send('gate passed\nModel results: 1 better\n')

/** A service that keeps what it was sent and answers as the plan says. */
export async function startService(t: Cleaning, plan: Plan = {}): Promise<Service> {
  const app = Fastify({
    forceCloseConnections: true,
    ...(plan.tls ? { https: plan.tls } : {}),
  }) as FastifyInstance
  const service: Service = { url: '', uploads: [], requests: [], authorization: undefined }
  const prefix = plan.prefix ?? ''
  await app.register(multipart, { limits: { fileSize: 33_554_432, fieldSize: 1_048_576 } })
  app.addHook('onRequest', async (request) => void service.requests.push(`${request.method} ${request.url}`))
  app.post(`${prefix}/api/v1/reports`, async (request, reply) => {
    const upload: Upload = {
      authorization: request.headers.authorization,
      accept: request.headers.accept,
      context: null,
      files: [],
    }
    for await (const part of request.parts({ preservePath: true } as object)) {
      if (part.type === 'file') upload.files.push({ name: part.filename, bytes: await part.toBuffer() })
      else upload.context = typeof part.value === 'string' ? JSON.parse(part.value) : part.value
    }
    service.uploads.push(upload)
    return (plan.post ?? accepted)(reply, service.uploads.length)
  })
  let reads = 0
  app.get(`${prefix}/api/v1/reports/:id`, (_request, reply) => (plan.get ?? judged)(reply, ++reads))
  let asks = 0
  app.get(`${prefix}/api/v1/gate`, (request, reply) => {
    service.authorization = request.headers.authorization
    return (plan.gate ?? passed)(reply, ++asks)
  })
  service.url = (await app.listen({ host: '127.0.0.1', port: 0 })) + prefix
  t.after(() => app.close())
  return service
}

type Tool = 'python3' | 'curl' | 'wget'

export function find(name: string): string | null {
  const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
  return found.startsWith('/') ? found : null
}

function findPython(): string | null {
  const path = find('python3')
  if (path === null) return null
  // The real interpreter: version managers put a shell script on the PATH.
  const real = spawnSync(path, ['-c', 'import sys; print(sys.executable)'], {
    encoding: 'utf8',
  }).stdout.trim()
  return real === '' ? null : real
}

const paths: Record<Tool, string | null> = { python3: findPython(), curl: find('curl'), wget: find('wget') }
const busybox = find('busybox')

export const tools = ['python3', 'curl', 'wget'] as const
export const missing = (tool: Tool) => (paths[tool] === null ? `${tool} is not installed` : false)
export const busyboxWget =
  busybox !== null && spawnSync(busybox, ['wget', '--help']).status === 0 ? busybox : null

export const shells: { name: string; command: string[] | null }[] = [
  { name: 'dash', command: command(find('dash')) },
  { name: 'bash', command: command(find('bash')) },
  { name: 'busybox sh', command: busybox === null ? null : [busybox, 'sh'] },
]

function command(path: string | null): string[] | null {
  return path === null ? null : [path]
}

export const usual = ['cat', 'date', 'mktemp', 'rm', 'rmdir', 'sleep']

/** A folder for PATH that holds the given programs and nothing else. */
export async function makePath(t: Cleaning, programs: Record<string, string | null>): Promise<string> {
  const folder = await makeFolder(t)
  for (const [name, path] of Object.entries(programs)) {
    if (path !== null) await symlink(path, join(folder, name))
  }
  return folder
}

export function programs(tool: Tool | null, others: string[] = usual): Record<string, string | null> {
  const found: Record<string, string | null> = Object.fromEntries(others.map((name) => [name, find(name)]))
  return tool === null ? found : { ...found, [tool]: paths[tool] }
}

export async function makeFolder(t: Cleaning): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mlmm-template-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A project folder with a .git folder and the given files. */
export async function makeProject(t: Cleaning, files: Record<string, string | Buffer> = {}): Promise<string> {
  const folder = await makeFolder(t)
  await mkdir(join(folder, '.git'))
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, '..'), { recursive: true })
    await writeFile(join(folder, name), content)
  }
  return folder
}

export async function loadTemplate(url = 'https://mlmm.example.com') {
  const text = renderCiTemplate(await readFile(fileURLToPath(templateUrl), 'utf8'), { url })
  const template = Template.parse(parse(text))
  return {
    after_script: template['.mlmm'].after_script,
    script: template['.mlmm-upload'].script,
    gate: template['.mlmm-gate'].script,
  }
}

interface Job {
  shell?: string[]
  path: string
  project: string
  url: string
  env?: Record<string, string>
  part?: 'after_script' | 'script' | 'gate'
  temporary?: string
  before?: string[]
  after?: string[]
}

export interface Ended {
  code: number | null
  lines: string[]
  ms: number
}

export async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return address !== null && typeof address === 'object' ? address.port : 0
}

/** A port of this machine where nobody listens. */
export async function findClosedPort(): Promise<number> {
  const server = createServer()
  const port = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

const template = await loadTemplate()

/** Runs a part of the template as GitLab's runner does: one text on the shell's standard input, errexit set. */
export async function runJob(job: Job): Promise<Ended> {
  const [program = '/bin/sh', ...args] = job.shell ?? []
  const text = [
    'set -e',
    ...(job.before ?? []),
    ...template[job.part ?? 'after_script'],
    ...(job.after ?? []),
  ]
  const started = performance.now()
  const child = spawn(program, args, {
    cwd: job.project,
    env: {
      PATH: job.path,
      HOME: job.project,
      TMPDIR: job.temporary ?? tmpdir(),
      CI_PROJECT_DIR: job.project,
      CI_JOB_ID: '7',
      CI_JOB_NAME: job.part === 'gate' ? 'mlmm-gate' : 'train',
      CI_JOB_STATUS: 'success',
      CI_JOB_URL: 'https://git.example.com/research/iris/-/jobs/7',
      MLMM_URL: job.url,
      MLMM_ID_TOKEN: token,
      ...job.env,
    },
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stdin.end(text.join('\n') + '\n')
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  const output = Buffer.concat(chunks).toString()
  return {
    code,
    lines: output === '' ? [] : output.replace(/\n$/, '').split('\n'),
    ms: performance.now() - started,
  }
}
