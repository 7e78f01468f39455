import { readdir } from 'node:fs/promises'
import t from 'tap'
import { makePath, makeProject, missing, programs, runJob, shells, startService, tools } from './helper.js'

const names = [
  'CI_JOB_NAME',
  'CI_JOB_STATUS',
  'CI_JOB_URL',
  'MLMM_MODEL',
  'MLMM_DATASET',
  'MLMM_REPEAT',
  'MLMM_TRIAL',
] as const

const bases = [
  '$(: >pwned)',
  '`: >pwned`',
  '${IFS}$PATH',
  '"; : >pwned; "',
  "'; : >pwned; '",
  '"', "'", '\\', '\\\\', '\\"', '\\n', '\\u0041', '$', '%s%n%d', '%', '#', '*', '?', '[a-z]', '~', '!', '!!', '&', '|', ';',
  '-n', '-e', '--help', '-', '--', '@/etc/passwd', '<x', '>pwned', ' ', '  two  ', '\t', '\n', '\n\n', 'a\nb', '\r\n', 'a\r',
  'trailing\n', '\nleading', '\n.', '\nEOF\n: >pwned\n', '\r\n--mlmm\r\nContent-Disposition: form-data; name="x"\r\n\r\n',
  '\u0001', '\u0002', '\u0008', '\u000B', '\u000C', '\u001B[31m', '\u001F', '\u007F', '\u0080', '\u0085', '\u009B', '\u00A0',
  'é', 'Á', 'È', 'Ê', 'Ā', '漢字', '👍🏽', '\u202Eabc', '\u2028', '\uFEFF', '\uFFFD', '\uFFFF', '\u{10FFFF}', 'a\u0301',
  '{"a": 1}', '}', '"}}', 'null', 'true', '0', '1e999', '-0', '__proto__', 'constructor', '</code><b>', '<!--', '/merge', '@all',
  'a/b', '../..', '.', '..', 'train: [x]', 'a 1/2', '=', 'a=b', '(', ')', '((', '[', ']', '{a,b}', '{1..3}', '<(: >pwned)',
  '$((1/0))', '$[1/0]', '$\'\\x41\'', '\\c', '\\0101', '\\x41', '%b\\n', 'x'.repeat(5000), '"'.repeat(300), '\n'.repeat(300),
] // prettier-ignore

const values = [...bases, ...bases.map((value) => `a${value}b${value}`)]
t.ok(values.length >= 200, `${values.length} values`)

/** The value of each variable in turn, so that every value is tried and every variable sees many. */
function jobs(): Record<(typeof names)[number], string>[] {
  const count = Math.ceil(values.length / names.length)
  return Array.from({ length: count }, (_, job) => {
    const value = (index: number) => values[(job * names.length + index) % values.length] ?? ''
    return Object.fromEntries(names.map((name, index) => [name, value(index)])) as Record<
      (typeof names)[number],
      string
    >
  })
}

for (const [turn, tool] of tools.entries()) {
  t.test(
    `${values.length} hostile values arrive as they are with ${tool}`,
    { skip: missing(tool) },
    async (t) => {
      const service = await startService(t, { post: (reply) => reply.code(400).send('error SEEN: enough') })
      const project = await makeProject(t, { 'mlmm.json': '{}' })
      const path = await makePath(t, programs(tool, []))
      const installed = shells.flatMap(({ command }) => (command === null ? [] : [command]))

      for (const [index, env] of jobs().entries()) {
        const shell = installed[(index + turn) % installed.length] ?? []
        const ended = await runJob({ shell, path, project, url: service.url, env })

        t.equal(ended.lines.length, 1, ended.lines.join('\n'))
        t.strictSame(service.uploads.at(-1)?.context, {
          job: { name: env.CI_JOB_NAME, status: env.CI_JOB_STATUS, url: env.CI_JOB_URL },
          defaults: {
            model: env.MLMM_MODEL,
            dataset: env.MLMM_DATASET,
            repeat: env.MLMM_REPEAT,
            trial: env.MLMM_TRIAL,
          },
        })
      }
      t.strictSame((await readdir(project)).sort(), ['.git', 'mlmm.json'])
    },
  )
}

t.test('hostile lists of files send nothing else and start nothing', { skip: missing('curl') }, async (t) => {
  const service = await startService(t, { post: (reply) => reply.code(400).send('error SEEN: enough') })
  const project = await makeProject(t, { 'mlmm.json': '{}' })
  const path = await makePath(t, programs('curl', []))

  for (const value of bases.filter((value) => !/[*?]/.test(value) && value.trim() !== '')) {
    const env = { MLMM_FILES: `${value} mlmm.json` }
    const ended = await runJob({ path, project, url: service.url, env })
    t.equal(ended.lines.length, 1, JSON.stringify(value))
    t.strictSame(
      service.uploads.at(-1)?.files.map((file) => file.name),
      ['mlmm.json'],
      JSON.stringify(value),
    )
  }
  t.strictSame((await readdir(project)).sort(), ['.git', 'mlmm.json'])
})
