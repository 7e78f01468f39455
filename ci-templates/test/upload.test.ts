import t from 'tap'
import {
  makePath,
  makeProject,
  missing,
  programs,
  runJob,
  shells,
  startService,
  token,
  tools,
  usual,
} from './helper.js'

const result = '{"name": "logistic", "results": {"accuracy": NaN}}\n'

for (const shell of shells) {
  for (const tool of tools) {
    for (const others of [usual, []]) {
      const name = `${shell.name} with ${tool} and ${others.length === 0 ? 'nothing else' : others.join(', ')}`
      const skip = shell.command === null ? `${shell.name} is not installed` : missing(tool)
      t.test(`uploads from ${name}`, { skip }, async (t) => {
        const service = await startService(t)
        const project = await makeProject(t, { 'mlmm.json': result })
        const path = await makePath(t, programs(tool, others))

        const ended = await runJob({ shell: shell.command ?? [], path, project, url: service.url })

        t.strictSame(ended.lines, [
          'mlmm: stored 1 model',
          'mlmm: logistic on iris: accuracy 0.933 → 0.956',
          'mlmm: https://mlmm.example.com/x',
        ])
        t.equal(ended.code, 0)
        t.strictSame(service.uploads, [
          {
            authorization: `Bearer ${token}`,
            accept: 'text/plain',
            context: {
              job: {
                name: 'train',
                status: 'success',
                url: 'https://git.example.com/research/iris/-/jobs/7',
              },
              defaults: { model: 'train', dataset: 'default', repeat: null, trial: null },
            },
            files: [{ name: 'mlmm.json', bytes: Buffer.from(result) }],
          },
        ])
        t.strictSame(service.requests, ['POST /api/v1/reports', 'GET /api/v1/reports/r-1?wait=20'])
      })
    }
  }
}
