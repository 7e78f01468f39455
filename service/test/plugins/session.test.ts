import t from 'tap'
import { signIn } from '../support/sign-in.js'
import { startTestService } from '../support/service.js'

const service = await startTestService(t, { worker: false })

t.test('x', async (t) => {
  const b = await signIn(service, service.maintainer.id)
  const a = await b.get('/')
  t.equal(a.status, 200)
})
