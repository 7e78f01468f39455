import t from 'tap'

import { call, openMergeRequest, startStory, type Answer } from './helper.js'

const story = await startStory(t)
const { gitlab, bot, author, maintainer, project } = story
const mr = await openMergeRequest(story)

let names = 0
function newName(): string {
  names += 1
  return `status-${names}`
}

function post(token: string, body: Record<string, unknown>, sha = mr.sha): Promise<Answer> {
  return call(gitlab, token, 'POST', `/projects/${project.id}/statuses/${sha}`, body)
}

const pipeline = gitlab.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs: [{ name: 'train' }] })
const all = ['pending', 'running', 'success', 'failed', 'canceled', 'skipped']

function textOf(length: number): string {
  return 'http://x/'.padEnd(length, 'x')
}

const refused: Record<string, string[]> = {
  none: [],
  pending: ['pending'],
  running: ['pending', 'running', 'skipped'],
  success: [],
  failed: [],
  canceled: [],
}

for (const [held, refusals] of Object.entries(refused)) {
  t.test(`a status that is ${held} takes all but ${refusals.join(', ') || 'none'}`, async (t) => {
    for (const state of all) {
      const name = newName()
      if (held !== 'none') t.equal((await post(bot.token, { state: held, name })).status, 201)

      const answer = await post(bot.token, { state, name })

      t.equal(answer.status, refusals.includes(state) ? 400 : 201, state)
    }
  })
}

t.test('a refused transition says so and changes nothing', async (t) => {
  const name = newName()
  await post(bot.token, { state: 'pending', name, description: 'first' })

  const answer = await post(bot.token, { state: 'pending', name, description: 'second' })

  const list = await call(
    gitlab,
    null,
    'GET',
    `/projects/${project.id}/repository/commits/${mr.sha}/statuses?name=${name}`,
  )
  t.match(answer.json, {
    message:
      'Cannot transition status via :enqueue from :pending (Reason(s): Status cannot transition via "enqueue")',
  })
  t.match(list.json, [{ status: 'pending', description: 'first' }])
})

t.test('another user makes another status, which hides the first', async (t) => {
  const name = newName()
  const first = await post(bot.token, { state: 'pending', name })
  const second = await post(author.token, { state: 'pending', name })

  t.equal(second.status, 201)
  t.not((first.json as { id: number }).id, (second.json as { id: number }).id)
  const list = await call(
    gitlab,
    null,
    'GET',
    `/projects/${project.id}/repository/commits/${mr.sha}/statuses?name=${name}`,
  )
  t.match(list.json, [{ author: { id: author.id } }])
})

t.test('the pipeline is chosen by SHA, ref and id, else a new external one is made', async (t) => {
  const chosen = await post(bot.token, { state: 'success', name: newName(), pipeline_id: pipeline.id })
  const newest = await post(bot.token, { state: 'success', name: newName() })
  const unknown = await post(bot.token, { state: 'success', name: newName(), pipeline_id: 1 })
  const other = await post(bot.token, { state: 'success', name: newName(), ref: mr.sourceBranch })

  t.match(chosen.json, { pipeline_id: pipeline.id, ref: pipeline.ref })
  t.match(newest.json, { pipeline_id: pipeline.id })
  t.match(unknown, { status: 404, json: { message: '404 Pipeline for pipeline_id, sha and ref Not Found' } })
  const made = gitlab.state.pipelines.get((other.json as { pipeline_id: number }).pipeline_id)
  t.match(made, { source: 'external', ref: mr.sourceBranch, status: 'success' })
})

t.test('a failed status fails the pipeline that its jobs let pass', async (t) => {
  const own = gitlab.createPipeline({ projectId: project.id, mrIid: mr.iid, jobs: [{ name: 'train' }] })
  gitlab.setJobStatus(own.jobs[0]?.id ?? 0, 'success')
  t.equal(own.status, 'success')

  await post(bot.token, { state: 'failed', name: newName(), pipeline_id: own.id })

  t.equal(own.status, 'failed')
})

t.test('requests are refused as GitLab words it', async (t) => {
  const outsider = gitlab.createUser({ username: 'eve' })
  const main = await call(gitlab, null, 'GET', `/projects/${project.id}/repository/commits/main`)
  const mainSha = (main.json as { id: string }).id

  t.match(await post(bot.token, {}), { status: 400, json: { error: 'state is missing' } })
  t.match(await post(bot.token, { state: 'odd' }), {
    status: 400,
    json: { error: 'state does not have a valid value' },
  })
  t.match(await post(bot.token, { state: 'success', target_url: 'ftp://x' }), {
    status: 400,
    json: { message: { target_url: Array } },
  })
  for (const field of ['target_url', 'description', 'name']) {
    t.match(await post(bot.token, { state: 'success', [field]: textOf(256) }), {
      status: 400,
      json: { message: { [field]: ['is too long (maximum is 255 characters)'] } },
    })
    t.equal((await post(bot.token, { state: 'success', name: newName(), [field]: textOf(255) })).status, 201)
  }
  t.match(await post(outsider.token, { state: 'success' }), { status: 403 })
  t.match(await post(bot.token, { state: 'success' }, 'f'.repeat(40)), { status: 404 })
  t.equal(
    (await post(bot.token, { state: 'success', ref: 'main' }, mainSha)).status,
    403,
    'developer, protected branch',
  )
  t.equal((await post(maintainer.token, { state: 'success', ref: 'main' }, mainSha)).status, 201)
})
