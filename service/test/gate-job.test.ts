import t from 'tap'
import { eventually, startTestService } from './support/service.js'

const config = `
include: [{ local: /mlmm.yml }]
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
train:
  extends: .mlmm
  script: echo '{"results":{"accuracy":0.7}}' > mlmm.json
mlmm-gate: { extends: .mlmm-gate }
`

t.test('the gate of a real pipeline ends with the verdict soon after the training', async (t) => {
  const service = await startTestService(t, { simulator: { runner: true } })
  const { simulator, maintainer } = service
  const { text: template } = await service.get('/ci/v1/mlmm.yml')
  const project = await service.createProject('research/gated')
  const base = { projectId: project.id, userId: maintainer.id, branch: 'tune' }
  await simulator.pushFiles({ ...base, files: { '.gitlab-ci.yml': config, 'mlmm.yml': template } })
  const branches = { sourceBranch: 'tune', targetBranch: 'main' }
  await simulator.createMergeRequest({ ...base, ...branches, title: 'Try' })

  const gate = await eventually(
    'the end of the gate',
    () => {
      const jobs = [...simulator.state.jobs.values()]
      return jobs.find(({ name, finishedAt }) => name === 'mlmm-gate' && finishedAt !== null)
    },
    60_000,
  )

  // The webhook of the pipeline's end would keep its connection beyond the end of the service.
  await simulator.settled()
  const [train] = [...simulator.state.jobs.values()].filter(({ name }) => name === 'train')
  t.equal(gate.status, 'success', gate.trace)
  t.match(gate.trace, /mlmm: .*gate passed/)
  t.match(gate.trace, 'mlmm: Model results: first report, 1 model')
  t.match(gate.trace, /mlmm: {3}\S+new\S+ +train +default +accuracy 70\.0%/)
  t.notMatch(gate.trace, 'so far')
  const secondsAfter = (Number(gate.finishedAt) - Number(train?.finishedAt)) / 1000
  t.ok(secondsAfter < 20, `${secondsAfter} s after the training`)
})
