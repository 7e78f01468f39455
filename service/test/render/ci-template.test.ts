import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { renderCiTemplate } from '../../render/ci-template.js'

const source = await readFile(new URL('../../../ci-templates/templates/mlmm.yml', import.meta.url), 'utf8')
const small = 'spec:\n  inputs:\n    url:\n      regex: ^x$\n---\n.mlmm:\n  a: "$[[ inputs.url ]]"\n'

t.test('drops the header and fills the address in', async (t) => {
  const text = renderCiTemplate(small, { url: 'https://mlmm.example.com:8443/tools/mlmm//' })

  t.equal(text, '.mlmm:\n  a: "https://mlmm.example.com:8443/tools/mlmm"\n')
})

t.test('gives one document with three hidden jobs and nothing global, without rules', async (t) => {
  const template = parse(renderCiTemplate(source, { url: 'https://mlmm.example.com' })) as Record<
    string,
    object
  >

  t.strictSame(Object.keys(template), ['.mlmm-upload', '.mlmm', '.mlmm-gate'])
  t.strictSame(Object.keys(template['.mlmm-upload'] ?? {}), ['script'])
  t.strictSame(Object.keys(template['.mlmm'] ?? {}), ['id_tokens', 'variables', 'after_script'])
  t.match(template['.mlmm'], {
    id_tokens: { MLMM_ID_TOKEN: { aud: 'https://mlmm.example.com' } },
    variables: { MLMM_URL: 'https://mlmm.example.com' },
  })
  t.notOk('rules' in (template['.mlmm-gate'] ?? {}))
})

const refused = [
  '',
  'mlmm.example.com',
  'ftp://mlmm.example.com',
  'https://',
  'https://user:password@mlmm.example.com',
  'https://mlmm.example.com/$(id)',
  'https://mlmm.example.com/`id`',
  "https://mlmm.example.com/'",
  'https://mlmm.example.com/"',
  'https://mlmm.example.com/a b',
  'https://mlmm.example.com\n.evil: {}',
  'https://mlmm.example.com/\n',
  'https://mlmm.example.com/?a=b',
  'https://mlmm.example.com/#a',
  'https://mlmm.example.com//a',
]

t.test('refuses an address that could mean more than an address, as the component does', async (t) => {
  const [header] = parseAllDocuments(source)
  const inputs = header?.toJS() as { spec: { inputs: { url: { regex: string } } } }
  const regex = new RegExp(inputs.spec.inputs.url.regex)

  for (const url of refused) {
    t.throws(() => renderCiTemplate(source, { url }), TypeError, JSON.stringify(url))
    t.notMatch(url, regex)
  }
  t.match('https://mlmm.example.com:8443/tools/mlmm', regex)
})

t.test('refuses a source that is not the component', async (t) => {
  const url = 'https://mlmm.example.com'

  t.throws(() => renderCiTemplate('.mlmm: {}\n', { url }), /spec/)
  t.throws(() => renderCiTemplate(`${small}b: $[[ inputs.other ]]\n`, { url }), /input other than url/)
})
