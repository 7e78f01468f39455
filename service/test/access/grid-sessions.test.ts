import t from 'tap'
import { type Bearer, runGrid } from './grid.js'
import { people, type Who } from './rights.js'
import { newCookie, startWorld } from './world.js'

const world = await startWorld(t)

async function withSession(who: Exclude<Who, 'anonymous'>, isForeign = false): Promise<Bearer> {
  let cookie = await newCookie(world, world.accounts[who])
  const site = isForeign
    ? { origin: 'https://evil.example.com', 'sec-fetch-site': 'cross-site' }
    : { origin: world.service.url, 'sec-fetch-site': 'same-origin' }
  return {
    who,
    credential: isForeign ? 'foreign-session' : 'session',
    headers: () => ({ ...site, cookie }),
    renew: async () => {
      cookie = await newCookie(world, world.accounts[who])
    },
  }
}

const known = people.filter((who) => who !== 'anonymous')

await runGrid(t, world, [
  { who: 'anonymous', credential: 'nothing', headers: () => ({}) },
  ...(await Promise.all(known.map((who) => withSession(who)))),
  ...(await Promise.all((['maintainer', 'owner'] as const).map((who) => withSession(who, true)))),
])
