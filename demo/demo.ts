import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { type StoryEnd, tellStory } from './story.js'
import { findFaults } from './verdict.js'
import { type DemoWorld, startWorld, unconnectedPath } from './world.js'

/** `npm run demo`: mlmm at work, from a push to the note. */

const options = readOptions()
const startedAt = performance.now()
// With --json, standard output holds nothing but that line.
const say = (text: string) => (options.json ? process.stderr : process.stdout).write(`${text}\n`)
const tell = (line: string) =>
  say(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${line}`)

process.exitCode = await demo()

async function demo(): Promise<number> {
  const stopped = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  const world = await startWorld(tell)
  try {
    const told = tellStory(world, { kill: options.kill, tell })
    const end = await Promise.race([told, stopped.then(() => null)])
    if (end === null) return 130
    const faults = findFaults(end, world.simulator)
    show(world, end, faults)
    if (!options.exit) await stopped
    return faults.length === 0 ? 0 : 1
  } catch (error) {
    say(error instanceof Error ? error.message : String(error))
    say(`\nThe end of the service's log:\n${await world.serviceLogEnd()}`)
    return 1
  } finally {
    await world.close()
  }
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        exit: { type: 'boolean', default: false },
        kill: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    })
    return values
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    process.stderr.write(`${reason.split('\n')[0]}. Options: --exit, --kill, --json.\n`)
    process.exit(2)
  }
}

function show(world: DemoWorld, end: StoryEnd, faults: string[]): void {
  say(`\n${end.note.body}\n`)
  say(`The rules, .mlmm.yml on main:\n\n${indented(end.rules)}\n`)
  say('What to look at:\n')
  say(`Merge request  ${end.pages.mergeRequest}  the note`)
  say(`Comparison     ${end.pages.comparison}  verdict, rules and every result`)
  say(`Project        ${end.pages.project}`)
  say(`Model          ${end.pages.model}  its history`)
  say(`Sign in        ${world.serviceUrl}/-/sign-in  as one of:\n`)
  say(`${parts(world)}\n`)
  say(`${unconnectedPath} is private and not connected yet: as Maya at ${world.serviceUrl}/-/connect`)
  for (const fault of faults) say(fault)
  if (options.json) process.stdout.write(`${JSON.stringify(summary(world, end))}\n`)
  if (!options.exit) say('\nEverything stays up until Ctrl-C.')
}

/** Who is what in the story's project. */
function parts({ people: { maya, devon, rita, gus, otto, ada, ex, bo } }: DemoWorld): string {
  return [maya, devon, rita, gus, otto, ada, ex, bo]
    .map(({ username, name }) => `  ${username.padEnd(6)} ${name}`)
    .join('\n')
}

function indented(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '  ')
}

function summary(world: DemoWorld, end: StoryEnd) {
  const { maya, devon, bot } = world.people
  return {
    service: world.serviceUrl,
    gitlab: world.simulator.url,
    mongodb: world.mongod.url,
    pids: { service: world.service().pid, gitlab: process.pid, mongodb: world.mongod.pid },
    project: { id: end.projectId, path: 'research/iris' },
    mr: {
      iid: end.mrIid,
      url: end.pages.mergeRequest,
      head: end.heads.at(-1),
      baseline: end.mainCommits.at(-1),
    },
    note: end.note,
    verdict: end.verdicts.at(-1),
    tokens: { maya: maya.token, devon: devon.token, bot: bot.token },
  }
}
