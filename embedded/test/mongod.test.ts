import t from 'tap'
import { openTestDatabase } from '../test-database.js'

t.test('transactions work', async (t) => {
  const { client, db } = await openTestDatabase(t)

  await client.withSession((session) =>
    session.withTransaction(async () => {
      await db.collection('a').insertOne({ n: 1 }, { session })
      await db.collection('b').insertOne({ n: 1 }, { session })
    }),
  )

  t.equal(await db.collection('a').countDocuments(), 1)
  t.equal(await db.collection('b').countDocuments(), 1)
})
