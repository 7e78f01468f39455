import { MongoClient } from 'mongodb'
import { startMongod } from '../embedded/mongod.js'
import { openGrantWorld, type GrantWorld } from '../service/test/support/expired-grants.js'
import { startSimulator, type Simulator } from '../simulator/simulator.js'
import { against, print } from './parts/figures.js'

const processes = 8

/** Eight processes meet the same expired grants at the same time. */
export async function benchRefresh({ grants }: { grants: number }): Promise<void> {
  const mongod = await startMongod()
  const client = await new MongoClient(mongod.url).connect()
  const simulator = await startSimulator()
  try {
    const world = openGrantWorld({ simulator, db: client.db(), databaseUrl: mongod.url })
    await measure(world, simulator, grants)
  } finally {
    await simulator.close()
    await client.close()
    await mongod.stop()
  }
}

async function measure(world: GrantWorld, simulator: Simulator, grants: number): Promise<void> {
  const userIds: number[] = []
  for (let number = 1; number <= grants; number += 1) {
    const { id } = simulator.createUser({ username: `person-${number}` })
    await world.consent(id, { expired: true })
    userIds.push(id)
  }
  simulator.clearCalls()
  const startedAt = performance.now()
  const answers = await world.ask(processes, userIds)
  const seconds = (performance.now() - startedAt) / 1000
  const lost = userIds.filter((id) => !isKept(answers, id, simulator)).length
  const calls = world.refreshCalls()
  print(
    `${grants} expired grants met by ${processes} processes: ${calls} refresh calls (${against(calls, { atMost: grants })}), ${lost} lost (${against(lost, { atMost: 0 })}), ${seconds.toFixed(1)} s, of which the simulator answers ${grants} calls`,
  )
}

/** Whether every process got the same token, and GitLab takes it. */
function isKept(answers: Record<number, string>[], userId: number, simulator: Simulator): boolean {
  const tokens = new Set(answers.map((answer) => answer[userId] ?? ''))
  const [token = ''] = tokens
  return tokens.size === 1 && simulator.state.tokens.get(token)?.state === 'active'
}
