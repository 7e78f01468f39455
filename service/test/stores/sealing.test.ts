import { randomBytes } from 'node:crypto'
import t from 'tap'
import { createSealer, type Sealed } from '../../stores/sealing.js'

const old = { name: 'old', key: randomBytes(32) }
const fresh = { name: 'fresh', key: randomBytes(32) }

function flipped(bytes: Sealed['data']): Buffer {
  return Buffer.from(Buffer.from(bytes as Buffer).map((byte, index) => (index === 0 ? byte ^ 1 : byte)))
}

t.test('what is sealed is opened by its owner, and never looks the same twice', async (t) => {
  const sealer = createSealer([old])
  const [one, two] = [sealer.seal('päss', '7:access'), sealer.seal('päss', '7:access')]

  t.equal(sealer.open(one, '7:access'), 'päss')
  t.equal(one.key, 'old')
  t.notSame(one.iv, two.iv)
  t.notSame(one.data, two.data)
})

t.test('the first key encrypts, all decrypt', async (t) => {
  const before = createSealer([old]).seal('text', 'owner')
  const sealer = createSealer([fresh, old])

  t.equal(sealer.open(before, 'owner'), 'text')
  t.equal(sealer.seal('text', 'owner').key, 'fresh')
  t.equal(createSealer([fresh]).open(before, 'owner'), null)
})

t.test('another owner, another key of the same name and changed data open nothing', async (t) => {
  const sealer = createSealer([old])
  const sealed = sealer.seal('text', '7:access')

  t.equal(sealer.open(sealed, '8:access'), null)
  t.equal(sealer.open(sealed, '7:refresh'), null)
  t.equal(createSealer([{ ...old, key: fresh.key }]).open(sealed, '7:access'), null)
  for (const part of ['iv', 'data', 'tag'] as const) {
    t.equal(sealer.open({ ...sealed, [part]: flipped(sealed[part]) }, '7:access'), null, part)
  }
  t.equal(sealer.open({ ...sealed, tag: Buffer.from(sealed.tag as Buffer).subarray(0, 4) }, '7:access'), null)
})

t.test('nothing is sealed without a key', async (t) => {
  t.throws(() => createSealer([]).seal('text', 'owner'), /ENCRYPTION_KEYS/)
})
