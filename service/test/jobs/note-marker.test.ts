import t from 'tap'
import { hashBody, mark, readMarked } from '../../jobs/note-marker.js'

const key = { projectId: 'p1', mrIid: 12 }
const secret = 'a secret of more than thirty-two characters'
const text = mark(key, { nonce: 'abcdef012345', body: '**Better**\n\n| a |' }, secret)

t.test('a marked text begins with a comment and a blank line', async (t) => {
  t.match(text, /^<!-- mlmm v1 p1:12 abcdef012345 [0-9a-f]{64} -->\n\n\*\*Better\*\*/)
  t.same(readMarked(key, text, secret), { nonce: 'abcdef012345', body: '**Better**\n\n| a |' })
})

t.test('line ends of another system change nothing', async (t) => {
  const read = readMarked(key, text.replaceAll('\n', '\r\n'), secret)

  t.equal(hashBody(read?.body ?? ''), hashBody('**Better**\n\n| a |\n'))
})

t.test('markers that are quoted, moved, forged or of another merge request are not ours', async (t) => {
  const refused = {
    quoted: `> ${text}`,
    'after a blank': ` ${text}`,
    'after a line': `Look:\n${text}`,
    'without the rest of the comment': text.slice(0, 80),
    'another nonce': text.replace('abcdef012345', 'abcdef012346'),
    'another merge request': text.replace('p1:12', 'p1:13'),
    'another project': text.replace('p1:12', 'p2:12'),
    'a leading zero': text.replace('p1:12', 'p1:012'),
    'another signature': text.replace(/[0-9a-f]{64}/, '0'.repeat(64)),
  }

  for (const [name, forged] of Object.entries(refused)) t.equal(readMarked(key, forged, secret), null, name)
  t.equal(readMarked({ ...key, mrIid: 13 }, text, secret), null)
  t.equal(readMarked(key, text, 'another secret of the same length'), null)
})
