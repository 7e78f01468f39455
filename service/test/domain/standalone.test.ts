import t from 'tap'
import { createAddresses } from '../../domain/addresses.js'
import { parsePageAddress } from '../../domain/page-address.js'
import { isProjectName, standalonePath } from '../../domain/standalone.js'
import { diceOf } from '../render/random-rules.js'

const first = 'abcXYZ019_'
const later = `${first}.-`
const foreign = [
  '/',
  '\\',
  ' ',
  '~',
  '%',
  '?',
  '#',
  '\n',
  '\0',
  '\u202e',
  'é',
  '\u017f',
  '\u212a',
  '🧪',
  '\ud800',
  '+',
  '@',
  ':',
]
const dice = diceOf(20, String)

function randomName(): string {
  const rest = Array.from({ length: dice.whole(100) }, () => dice.pick([...later]))
  return [dice.pick([...first]), ...rest].join('')
}

const names = Array.from({ length: 2_000 }, randomName)
const isEndRefused = (name: string) => /(\.|\.git|\.atom)$/i.test(name)

t.test('any name of the letters that GitLab takes is one, unless its end is not', (t) => {
  t.same(
    names.filter((name) => isProjectName(name) === isEndRefused(name)),
    [],
  )
  const refused = names.flatMap((name) => ['.', '.git', '.GIT', '.atom', '.Atom'].map((end) => name + end))
  t.same(refused.filter(isProjectName), [])
  t.end()
})

t.test('a foreign character anywhere refuses a name', (t) => {
  const spoilt = names.map((name) => {
    const at = dice.whole(name.length + 1)
    return name.slice(0, at) + dice.pick(foreign) + name.slice(at)
  })
  t.same(spoilt.filter(isProjectName), [])
  t.same(['', '.', '..', '-', '-x', '.x', '~', ' '].filter(isProjectName), [])
  t.ok(isProjectName('x'.repeat(100)))
  t.notOk(isProjectName('x'.repeat(101)))
  t.end()
})

t.test('the address of every name leads back to it, and stands as it is written', (t) => {
  const addresses = createAddresses('')
  for (const name of names.filter(isProjectName)) {
    const path = standalonePath(dice.pick(['maya', 'm.a-y_a', '0', 'models', 'api']), name)
    const address = addresses.project(path)
    if (address !== `/${path}`) t.fail(address)
    const page = parsePageAddress(address)
    if (page?.page !== 'project' || page.path !== path) t.fail(`${path} is read as ${JSON.stringify(page)}`)
    const settings = parsePageAddress(addresses.settings(path))
    if (settings?.page !== 'settings' || settings.path !== path) t.fail(`the settings of ${path}`)
  }
  t.end()
})
