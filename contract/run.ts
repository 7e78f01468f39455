import { plainLine } from '../service/render/plain.js'
import { clientChecks } from './client-checks.js'
import { facts, type Seen } from './facts.js'
import { withGround, type Ground } from './ground.js'

export interface ContractOutcome {
  version: string
  client: { what: string; error: string | null }[]
  facts: ({ says: string } & Seen)[]
}

/** Runs everything in a project that is made for it and removed after.
 * @throws Error where the project could not be made */
export async function runContract(target: { url: string; token: string }): Promise<ContractOutcome> {
  return withGround(target, async (ground) => {
    const version = (await ground.gitlab.getVersion()) ?? 'of an unknown version'
    const client: ContractOutcome['client'] = []
    for (const { what, check } of clientChecks) {
      client.push({ what, error: await check(ground).then(() => null, reasonOf) })
    }
    const seen: ContractOutcome['facts'] = []
    for (const { says, look } of facts) seen.push({ says, ...(await lookSafely(look, ground)) })
    return { version, client, facts: seen }
  })
}

async function lookSafely(look: (ground: Ground) => Promise<Seen>, ground: Ground): Promise<Seen> {
  try {
    return await look(ground)
  } catch (error) {
    return { holds: null, seen: reasonOf(error) }
  }
}

function reasonOf(error: unknown): string {
  return plainLine(error instanceof Error ? error.message : String(error))
}

/** The outcome as lines for people. */
export function outcomeLines({ version, client, facts: seen }: ContractOutcome): string[] {
  const count = (holds: boolean | null) => seen.filter((fact) => fact.holds === holds).length
  const passed = client.filter(({ error }) => error === null).length
  return [
    `GitLab ${plainLine(version)}`,
    '',
    'The client of mlmm',
    ...client.map(({ what, error }) =>
      error === null ? `  ok      ${what}` : `  FAILED  ${what}: ${error}`,
    ),
    '',
    'What mlmm counts on and no documentation promises',
    ...seen.map(
      ({ says, holds, seen: found }) =>
        `  ${wordOf(holds)}  ${says}${holds === true ? '' : `; seen: ${plainLine(found)}`}`,
    ),
    '',
    `${passed} of ${client.length} checks of the client passed; ${count(true)} facts hold, ${count(false)} differ, ${count(null)} could not be told.`,
  ]
}

function wordOf(holds: boolean | null): string {
  if (holds === null) return 'untold '
  return holds ? 'holds  ' : 'DIFFERS'
}
