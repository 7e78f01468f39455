import t from 'tap'
import { createPace } from '../../jobs/pace.js'

function open() {
  const time = { ms: 1_000_000 }
  const pace = createPace({ share: 0.1, freeMs: 100, clock: () => new Date(time.ms) })
  const take = (key: string) => pace.take(key, new Date(time.ms))
  const work = (key: string, ms: number) => pace.measure(key, async () => void (time.ms += ms))
  return { time, take, work }
}

t.test('small work never waits, also beside large work', async (t) => {
  const { take, work } = open()
  await work('small', 99)
  await work('large', 400)

  t.equal(take('small'), 0)
  t.equal(take('new'), 0)
})

t.test('large work takes its share of the time, all of it together', async (t) => {
  const { time, take, work } = open()
  await work('one', 400)
  await work('two', 400)

  t.equal(take('one'), 3600)
  time.ms += 3600
  t.equal(take('one'), 0)
  t.equal(take('two'), 4000, 'one has the turn')
})

t.test('large work that got small waits no longer', async (t) => {
  const { take, work } = open()
  await work('one', 400)
  await work('one', 10)

  t.equal(take('one'), 0)
})

t.test('work that fails took its time too', async (t) => {
  const time = { ms: 1_000_000 }
  const pace = createPace({ share: 0.1, freeMs: 100, clock: () => new Date(time.ms) })
  const fails = pace.measure('one', async () => {
    time.ms += 400
    throw new Error('no database')
  })

  await t.rejects(fails, /no database/)
  t.equal(pace.take('one', new Date(time.ms)), 3600)
})
