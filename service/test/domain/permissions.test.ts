import t from 'tap'
import { canAccept, canConfigure, canExclude, canRead, roleName } from '../../domain/permissions.js'

const levels = [null, 5, 10, 15, 20, 29, 30, 39, 40, 50, 60]

t.test('what each role may do', async (t) => {
  const from = (level: number) => levels.filter((one) => one !== null && one >= level)

  t.same(levels.filter(canExclude), from(30))
  t.same(levels.filter(canAccept), from(40))
  t.same(levels.filter(canConfigure), from(40))
})

t.test('who may read, by visibility', async (t) => {
  const readers = (visibility: string, pipelinesOpen: boolean, external: boolean | null) =>
    levels.filter((accessLevel) => canRead({ visibility, pipelinesOpen }, { accessLevel, external }))
  const reporters = levels.filter((level) => level !== null && level >= 20)
  const guests = levels.filter((level) => level !== null && level >= 10)

  t.same(readers('public', true, true), levels)
  t.same(readers('public', false, false), reporters)
  t.same(readers('internal', true, false), levels)
  t.same(readers('internal', true, true), guests)
  t.same(readers('internal', true, null), guests, 'GitLab did not say whether the person is external')
  t.same(readers('internal', false, false), reporters)
  t.same(readers('private', true, false), reporters)
})

t.test('what is gone from GitLab is left to administrators', async (t) => {
  const gone = { visibility: 'private', pipelinesOpen: true, orphanedAt: new Date() }

  t.same(
    levels.filter((accessLevel) => canRead(gone, { accessLevel, external: false })),
    [60],
  )
})

t.test('roles are named as in GitLab, those in between by the next lower', async (t) => {
  const names = levels.map(roleName)

  t.same(names.slice(0, 5), [null, null, 'Guest', 'Guest', 'Reporter'])
  t.same(names.slice(5), ['Reporter', 'Developer', 'Developer', 'Maintainer', 'Owner', 'Owner'])
})
