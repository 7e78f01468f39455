import type { Test } from 'tap'
import { type Asked, type Credential, expectedOf, isAllowed } from './expected.js'
import { type Kind, kinds, type Right, rightOf, suffices, type Who } from './rights.js'
import { type Cell, expectations, type Need, type Sent, type Variant } from './routes.js'
import { diff, takeSnapshot } from './snapshot.js'
import { newAddress } from './new-address.js'
import type { World } from './world.js'

/** Somebody with a credential. */
export interface Bearer {
  who: Who
  credential: Credential
  /** The words that tell it from others of the same credential. */
  name?: string
  jobOf?: Kind
  headers(): Record<string, string>
  /** Called after requests that end sessions. */
  renew?: () => Promise<void>
}

interface Planned extends Asked {
  bearer: Bearer
  expected: number[]
  cell: Cell
}

interface Answered {
  planned: Planned
  sent: Sent
  status: number
  text: string
}

const projectNeeds: Need[] = [
  'read',
  'signed-in-read',
  'write',
  'configure',
  'configure-page',
  'session-configure',
  'report',
  'report-status',
  'session-read',
  'webhook',
]

/** HEAD is answered by the handler of GET. */
const askForHead = new Set<Who>(['anonymous', 'guest', 'maintainer'])

/** Routes whose doing others would notice. */
const last = ['GET /*', 'DELETE /api/v1/projects/:id/connection']

/** Asks for everything as everybody. One test a route; wrong cells are listed by name. */
export async function runGrid(t: Test, world: World, bearers: Bearer[]): Promise<void> {
  let cells = 0
  const registered = world.routes.map(({ method, url }) => `${method} ${url}`)
  for (const name of registered.filter((one) => !last.includes(one)).concat(last)) {
    const [method = '', url = ''] = name.split(' ')
    const variants = expectations[name] ?? (method === 'HEAD' ? expectations[`GET ${url}`] : undefined)
    await t.test(name, async (t) => {
      if (variants === undefined) return t.fail(`${name} is not in the table of expectations`)
      for (const variant of variants) {
        const asking = method === 'HEAD' ? bearers.filter(({ who }) => askForHead.has(who)) : bearers
        const planned = plan({ world, method, variant, bearers: asking, count: cells })
        cells += planned.length
        t.same(await run(world, planned), [], variant.of ?? variant.need)
        if (variant.endsSessions) for (const bearer of bearers) await bearer.renew?.()
      }
    })
  }
  const gone = Object.keys(expectations).filter((name) => !registered.includes(name))
  t.same(gone, [], 'every expectation is of a route that there is')
  t.comment(`${cells} cells of ${registered.length} routes`)
}

interface PlanOptions {
  world: World
  method: string
  variant: Variant
  bearers: Bearer[]
  count: number
}

function plan({ world, method, variant, bearers, count }: PlanOptions): Planned[] {
  const among = projectNeeds.includes(variant.need) ? kinds : (['private'] as const)
  let number = count
  return bearers.flatMap((bearer) =>
    among.map((kind): Planned => {
      number += 1
      const { who, credential, jobOf = null } = bearer
      const right = rightOf(who, kind)
      const asked = { method, variant, credential, right, kind, jobOf }
      const account = world.accounts[who === 'anonymous' ? 'maintainer' : who]
      const project = world.projects[kind]
      const cell = { world, who, right, account, project, allowed: isAllowed(asked), number }
      return { ...asked, bearer, expected: expectedOf(asked), cell }
    }),
  )
}

function changesNothing({ method, variant, cell }: Planned): boolean {
  if (!cell.allowed || variant.changesNothing === true) return true
  return (method === 'GET' || method === 'HEAD') && variant.asksForWork !== true
}

/** Answers with what was wrong. */
async function run(world: World, planned: Planned[]): Promise<string[]> {
  const before = await takeSnapshot(world.service)
  const quiet = await askAll(world, planned.filter(changesNothing))
  const changes = diff(before, await takeSnapshot(world.service))
  const loud: Answered[] = []
  for (const one of planned) if (!changesNothing(one)) loud.push(await ask(world, one))
  return [...[...quiet, ...loud].flatMap((one) => mistakes(world, one)), ...changes]
}

const atOnce = 12

async function askAll(world: World, planned: Planned[]): Promise<Answered[]> {
  const answers: Answered[] = []
  for (let at = 0; at < planned.length; at += atOnce) {
    answers.push(...(await Promise.all(planned.slice(at, at + atOnce).map((one) => ask(world, one)))))
  }
  return answers
}

async function ask(world: World, planned: Planned): Promise<Answered> {
  const { method, variant, cell, bearer } = planned
  const sent = await variant.send(cell)
  const { statusCode, payload, headers } = await world.app.inject({
    method: method as 'GET',
    remoteAddress: newAddress(),
    url: sent.url,
    headers: {
      ...(sent.body !== undefined && { 'content-type': 'application/json' }),
      ...(sent.form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...bearer.headers(),
    },
    ...(sent.body !== undefined && { payload: JSON.stringify(sent.body) }),
    ...(sent.form !== undefined && { payload: new URLSearchParams(sent.form).toString() }),
  })
  return { planned, sent, status: statusCode, text: `${JSON.stringify(headers)} ${payload}` }
}

function mistakes(world: World, { planned, sent, status, text }: Answered): string[] {
  const { bearer, method, kind, expected } = planned
  const name = `${bearer.who} · ${bearer.name ?? bearer.credential} · ${kind} · ${method} ${sent.url}`
  const isWrong = !expected.includes(status)
  const wrong = isWrong ? [`${name}: expected ${expected.join(' or ')}, got ${status} ${codeOf(text)}`] : []
  const told = leaks(world, planned, sent, text)
  return [...wrong, ...told.map((word) => `${name}: the answer (${status}) tells of ${word}`)]
}

/** What stands in the answer of projects that whoever asks may not read, and did not stand in the request. */
function leaks(world: World, { bearer, variant }: Planned, sent: Sent, text: string): string[] {
  if (variant.need === 'webhook') return []
  const given = decodeURIComponent(JSON.stringify(sent))
  return kinds
    .filter((kind) => !mayKnow(bearer, kind))
    .flatMap((kind) => [world.projects[kind].marker, world.projects[kind].path, world.projects[kind].id])
    .filter((word) => text.includes(word) && !given.includes(word))
}

function mayKnow({ who, credential, jobOf }: Bearer, kind: Kind): boolean {
  if (jobOf === kind) return true
  const right: Right = rightOf(who, kind)
  if (credential === 'token-elsewhere') return false
  return kind === 'open' || suffices(right, 'r')
}

function codeOf(text: string): string {
  return /"code":"(\w+)"/.exec(text)?.[1] ?? ''
}
