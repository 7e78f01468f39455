import t, { type Test } from 'tap'

import { createCast } from '../people.js'
import { startSimulator, type SimulatorOptions } from '../simulator.js'
import { call, type Answer } from './helper.js'

const versions = ['16.0', '17.4', '18.4', '19.0'] as const

async function startWorld(t: Test, options: SimulatorOptions = {}) {
  const gitlab = await startSimulator(options)
  t.teardown(() => gitlab.close())
  const cast = createCast(gitlab)
  const as = (who: { token: string } | null) => (method: string, path: string, body?: unknown) =>
    call(gitlab, who?.token ?? null, method, path, body)
  return { gitlab, cast, as, ada: as(cast.ada), maya: as(cast.maya) }
}

function idOf(answer: Answer): number {
  return (answer.json as { id: number }).id
}

function ids(answer: Answer): number[] {
  return (answer.json as { id: number }[]).map(({ id }) => id)
}

t.test('whoever creates a group owns it, and a private one is hidden', async (t) => {
  const { cast, as, maya } = await startWorld(t, { relativePath: '/gitlab' })
  const made = await maya('POST', '/groups', { name: 'Research', path: 'research', description: 'All' })
  const below = await maya('POST', '/groups', { name: 'Vision', path: 'vision', parent_id: idOf(made) })
  const otto = as(cast.otto)

  t.match(made, {
    status: 201,
    json: {
      name: 'Research',
      path: 'research',
      full_path: 'research',
      visibility: 'private',
      parent_id: null,
    },
  })
  t.match(below, { status: 201, json: { full_path: 'research/vision', parent_id: idOf(made) } })
  t.match(await maya('GET', `/groups/${idOf(made)}/members`), {
    json: [{ id: cast.maya.id, access_level: 50 }],
  })
  t.match((await maya('GET', '/groups/research%2Fvision')).json, { id: idOf(below) })
  t.match(await otto('GET', `/groups/${idOf(made)}`), {
    status: 404,
    json: { message: '404 Group Not Found' },
  })
  t.equal((await as(null)('GET', `/groups/${idOf(made)}`)).status, 404)
  t.equal((await as(cast.ada)('GET', `/groups/${idOf(made)}`)).status, 200, 'an administrator sees all')
  t.same(ids(await otto('GET', '/groups')), [])
  t.same(ids(await maya('GET', '/groups')), [idOf(made), idOf(below)])
  t.same(ids(await maya('GET', '/groups?top_level_only=true&search=RES')), [idOf(made)])
  t.same(ids(await maya('GET', `/groups/${idOf(made)}/subgroups`)), [idOf(below)])
})

t.test('a group needs a free path and the right to make it', async (t) => {
  const { cast, as, maya } = await startWorld(t)
  const group = idOf(await maya('POST', '/groups', { name: 'Open', path: 'open', visibility: 'public' }))
  const child = { name: 'Child', path: 'child', parent_id: group }

  t.match(await maya('POST', '/groups', { name: 'Open', path: 'OPEN' }), {
    status: 400,
    json: { message: /has already been taken/ },
  })
  t.equal((await maya('POST', '/groups', { name: 'D', path: 'devon' })).status, 400, 'a person has it')
  t.match(await maya('POST', '/groups', { name: 'x' }), { status: 400, json: { error: 'path is missing' } })
  t.equal((await maya('POST', '/groups', { name: 'x', path: 'a b' })).status, 400)
  t.equal((await as(cast.otto)('POST', '/groups', child)).status, 403)
  t.equal((await as(cast.ex)('POST', '/groups', { name: 'x', path: 'x' })).status, 403)
  t.equal((await maya('POST', '/groups', { ...child, parent_id: 1 })).status, 404)
  t.equal((await as(cast.devon)('DELETE', `/groups/${group}`)).status, 403)
  t.match(await maya('DELETE', `/groups/${group}`), { status: 202, json: { message: '202 Accepted' } })
  t.equal((await maya('GET', `/groups/${group}`)).status, 404)
})

t.test('members of a group are added, changed and removed by its owners', async (t) => {
  const { cast, as, maya } = await startWorld(t)
  const group = idOf(await maya('POST', '/groups', { name: 'G', path: 'g' }))
  const members = `/groups/${group}/members`
  const devon = { user_id: cast.devon.id, access_level: 30 }

  t.match(await maya('POST', members, devon), { status: 201, json: { id: cast.devon.id, access_level: 30 } })
  t.match(await maya('POST', members, devon), { status: 409, json: { message: 'Member already exists' } })
  t.match(await maya('POST', members, { user_id: 999, access_level: 30 }), { status: 404 })
  t.match(await maya('POST', members, { user_id: cast.rita.id }), { status: 400 })
  t.match(await maya('POST', members, { access_level: 30 }), { status: 400 })
  t.equal((await as(cast.devon)('POST', members, { user_id: cast.rita.id, access_level: 10 })).status, 403)
  t.match(await maya('PUT', `${members}/${cast.devon.id}`, { access_level: 40, expires_at: '2999-01-01' }), {
    status: 200,
    json: { access_level: 40, expires_at: '2999-01-01' },
  })
  t.match(await maya('PUT', `${members}/${cast.rita.id}`, { access_level: 40 }), { status: 404 })
  t.match(await maya('PUT', `${members}/${cast.devon.id}`, { access_level: 40, expires_at: '2001-01-01' }), {
    status: 400,
    json: { message: { expires_at: ['cannot be a date in the past'] } },
  })
  t.equal((await as(cast.devon)('DELETE', `${members}/${cast.maya.id}`)).status, 403)
  t.equal((await as(cast.devon)('DELETE', `${members}/${cast.devon.id}`)).status, 204, 'one may leave')
  t.equal((await maya('DELETE', `${members}/${cast.devon.id}`)).status, 404)
  t.equal((await maya('DELETE', `${members}/${cast.maya.id}`)).status, 403, 'the last owner stays')
})

for (const version of versions) {
  t.test(`direct, inherited and invited members count with the highest level (${version})`, async (t) => {
    const { cast, as, ada } = await startWorld(t, { version })
    const top = idOf(await ada('POST', '/groups', { name: 'Top', path: 'top' }))
    const team = idOf(await ada('POST', '/groups', { name: 'Team', path: 'team', visibility: 'public' }))
    const project = idOf(await ada('POST', '/projects', { name: 'p', namespace_id: top }))
    const add = (path: string, userId: number, level: number) =>
      ada('POST', path, { user_id: userId, access_level: level })
    await add(`/groups/${top}/members`, cast.rita.id, 20)
    await add(`/groups/${team}/members`, cast.rita.id, 40)
    await add(`/groups/${team}/members`, cast.otto.id, 40)
    await add(`/projects/${project}/members`, cast.devon.id, 30)
    const share = await ada('POST', `/projects/${project}/share`, { group_id: team, group_access: 30 })
    const level = async (userId: number, all = '/all') => {
      const answer = await ada('GET', `/projects/${project}/members${all}/${userId}`)
      return (answer.json as { access_level?: number }).access_level ?? null
    }

    t.match(share, { status: 201, json: { project_id: project, group_id: team, group_access: 30 } })
    t.equal(await level(cast.devon.id), 30)
    t.equal(await level(cast.rita.id), 30, 'invited at no more than the invitation gives')
    t.equal(await level(cast.otto.id), 30)
    t.equal(await level(cast.gus.id), null)
    t.equal(await level(cast.rita.id, ''), null, 'not a member of the project itself')
    t.same(ids(await ada('GET', `/projects/${project}/members`)), [cast.devon.id])
    t.same(
      ids(await ada('GET', `/projects/${project}/members/all`)).toSorted(),
      [cast.devon.id, cast.rita.id, cast.otto.id, cast.ada.id].toSorted(),
    )
    t.match((await as(cast.otto)('GET', `/projects/${project}`)).json, {
      permissions: { project_access: null, group_access: null },
      shared_with_groups: [{ group_id: team, group_access_level: 30 }],
    })
    t.match((await as(cast.rita)('GET', `/projects/${project}`)).json, {
      permissions: { project_access: null, group_access: { access_level: 20 } },
    })
    for (const who of [cast.devon, cast.rita, cast.otto]) {
      t.same(ids(await as(who)('GET', '/projects?min_access_level=30')), [project], who.username)
    }
    t.same(ids(await as(cast.otto)('GET', '/projects?membership=true')), [project])
    t.same(ids(await as(cast.otto)('GET', '/projects?min_access_level=40')), [])
    t.same(ids(await as(cast.gus)('GET', '/projects')), [])
    t.same(ids(await as(cast.ada)('GET', '/projects')), [project])
    t.same(ids(await as(cast.otto)('GET', `/groups/${team}/projects`)), [project])

    t.equal((await ada('DELETE', `/projects/${project}/share/${team}`)).status, 204)
    t.equal((await ada('DELETE', `/projects/${project}/share/${team}`)).status, 404)
    t.equal(await level(cast.otto.id), null)
    t.equal((await as(cast.otto)('GET', `/projects/${project}`)).status, 404)
  })

  const hides = version === '16.0'
  t.test(`members of an invited private group are ${hides ? 'hidden' : 'shown'} (${version})`, async (t) => {
    const { cast, as, ada } = await startWorld(t, { version })
    const secret = idOf(await ada('POST', '/groups', { name: 'Secret', path: 'secret' }))
    const project = idOf(await ada('POST', '/projects', { name: 'p' }))
    await ada('POST', `/groups/${secret}/members`, { user_id: cast.otto.id, access_level: 40 })
    await ada('POST', `/projects/${project}/members`, { user_id: cast.maya.id, access_level: 40 })
    await ada('POST', `/projects/${project}/share`, { group_id: secret, group_access: 40 })
    const path = `/projects/${project}/members/all/${cast.otto.id}`

    t.equal((await as(cast.maya)('GET', path)).status, hides ? 404 : 200)
    t.equal(
      ids(await as(cast.maya)('GET', `/projects/${project}/members/all`)).includes(cast.otto.id),
      !hides,
    )
    t.equal((await as(cast.otto)('GET', path)).status, 200, 'who sees the group sees its members')
    t.equal((await ada('GET', path)).status, 200)
    t.same(ids(await as(cast.otto)('GET', '/projects?min_access_level=30')), [project], 'in every version')
  })
}

t.test('subgroups inherit, and an invitation to a group reaches its projects', async (t) => {
  const { cast, as, ada } = await startWorld(t)
  const top = idOf(await ada('POST', '/groups', { name: 'Top', path: 'top' }))
  const sub = idOf(await ada('POST', '/groups', { name: 'Sub', path: 'sub', parent_id: top }))
  const team = idOf(await ada('POST', '/groups', { name: 'Team', path: 'team' }))
  const project = idOf(await ada('POST', '/projects', { name: 'p', namespace_id: sub }))
  await ada('POST', `/groups/${top}/members`, { user_id: cast.devon.id, access_level: 30 })
  await ada('POST', `/groups/${team}/members`, { user_id: cast.otto.id, access_level: 50 })
  await ada('POST', `/groups/${top}/share`, { group_id: team, group_access: 20 })

  t.match(await ada('GET', `/groups/${sub}/members/all/${cast.devon.id}`), { json: { access_level: 30 } })
  t.equal((await ada('GET', `/groups/${sub}/members/${cast.devon.id}`)).status, 404)
  t.match(await ada('GET', `/projects/${project}/members/all/${cast.devon.id}`), {
    json: { access_level: 30 },
  })
  t.match(await ada('GET', `/projects/${project}/members/all/${cast.otto.id}`), {
    json: { access_level: 20 },
  })
  t.same(ids(await as(cast.devon)('GET', `/groups/${top}/projects`)), [])
  t.same(ids(await as(cast.devon)('GET', `/groups/${top}/projects?include_subgroups=true`)), [project])
  t.match(await ada('POST', `/projects/${project}/members`, { user_id: cast.devon.id, access_level: 20 }), {
    status: 400,
    json: { message: { access_level: [/greater than or equal/] } },
  })
})

t.test('memberships and invitations end on their day', async (t) => {
  const clock = { now: new Date('2026-05-04T08:00:00Z') }
  const { cast, as, ada } = await startWorld(t, { now: () => clock.now })
  const team = idOf(await ada('POST', '/groups', { name: 'Team', path: 'team' }))
  const project = idOf(await ada('POST', '/projects', { name: 'p' }))
  const members = `/projects/${project}/members`
  await ada('POST', members, { user_id: cast.devon.id, access_level: 30, expires_at: '2026-05-05' })
  await ada('POST', `/groups/${team}/members`, { user_id: cast.otto.id, access_level: 30 })
  await ada('POST', `/projects/${project}/share`, {
    group_id: team,
    group_access: 30,
    expires_at: '2026-05-06',
  })
  const sees = async () => [
    (await as(cast.devon)('GET', `/projects/${project}`)).status,
    (await as(cast.otto)('GET', `/projects/${project}`)).status,
  ]

  t.same(await sees(), [200, 200])
  clock.now = new Date('2026-05-05T00:00:00Z')
  t.same(await sees(), [404, 200])
  clock.now = new Date('2026-05-06T00:00:00Z')
  t.same(await sees(), [404, 404])
})

t.test('role numbers that nobody knows are taken as numbers', async (t) => {
  const { cast, as, ada, maya, gitlab } = await startWorld(t)
  const project = idOf(await maya('POST', '/projects', { name: 'p' }))
  gitlab.addMember(project, { userId: cast.devon.id, accessLevel: 40 })
  const members = `/projects/${project}/members`

  for (const level of [15, 25, 60]) {
    t.match(await ada('POST', members, { user_id: cast.gus.id, access_level: level }), {
      status: 201,
      json: { access_level: level },
    })
    t.match(await maya('GET', `${members}/all/${cast.gus.id}`), { json: { access_level: level } })
    t.equal((await ada('DELETE', `${members}/${cast.gus.id}`)).status, 204)
  }
  t.equal(
    (await as(cast.devon)('POST', members, { user_id: cast.gus.id, access_level: 50 })).status,
    403,
    'nobody gives more than they have',
  )
  t.equal((await as(cast.devon)('DELETE', `${members}/${cast.maya.id}`)).status, 403)
  t.equal((await as(cast.devon)('POST', members, { user_id: cast.gus.id, access_level: 20 })).status, 201)
  t.equal((await as(cast.gus)('POST', members, { user_id: cast.otto.id, access_level: 10 })).status, 403)
})
