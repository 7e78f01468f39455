import { type Db, ObjectId } from 'mongodb'
import t from 'tap'
import { openTestDatabase } from '../../../embedded/test-database.js'
import { createDeleteProjectJob } from '../../jobs/delete-project.js'
import { jobKey } from '../../jobs/keys.js'
import { ensureIndexes } from '../../stores/indexes.js'
import { createStores } from '../../stores/stores.js'
import { call, makeToken } from '../support/people.js'
import { eventually, startTestService } from '../support/service.js'
import { model, openMergeRequest, train, trainMergeRequest } from '../support/story.js'

const service = await startTestService(t)
const { simulator, stores, db, maintainer } = service
const token = await makeToken(service, maintainer.id, { lifeMs: 600_000 })
const project = await service.createProject('research/iris')
const developer = simulator.createUser({ username: 'dora', name: 'Dora Developer' })
simulator.addMember(project.id, { userId: developer.id, accessLevel: 30 })
const developerToken = await makeToken(service, developer.id)
const curve = { loss: [[0, 1]] }

/** Every document, but audit lines, that holds the text anywhere. */
async function holding(db: Db, text: string): Promise<string[]> {
  const found: string[] = []
  for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
    if (name === 'audit') continue
    for (const doc of await db.collection(name).find().toArray()) {
      if (JSON.stringify(doc).includes(text)) found.push(`${name} ${String(doc._id)}`)
    }
  }
  return found
}

function remove(path: string, as = token) {
  return call(service, 'DELETE', `/api/v1/${path}`, { token: as })
}

await train(service, project, [model('tree', 0.8), { ...model('forest', 0.9), curves: curve }])
const connected = await stores.projects.findByGitLabId(project.id)
const projectId = connected?.id ?? ''

t.test('a model is deleted by a Maintainer, with its curves and decisions', async (t) => {
  const list = await stores.models.listNewest(projectId, { name: 'forest' }, { limit: 5, before: null })
  const id = list.models[0]?.id ?? ''
  const path = `projects/${project.id}/models/${id}`
  const reason = { reason: 'wrong data' }
  const excluded = await call(service, 'POST', `/api/v1/${path}/exclusion`, { token, body: reason })
  t.equal(excluded.status, 201)

  const refused = await remove(path, developerToken)
  const deleted = await remove(path)
  const again = await remove(path)

  t.same([refused.status, deleted.status, again.status], [403, 204, 404])
  t.same(await holding(db, id), [])
  t.same(await holding(db, 'forest'), [], 'nor its name')
  t.equal(await db.collection('curves').countDocuments(), 0)
  const line = await db.collection('audit').findOne({ action: 'model_deleted' })
  t.match(line, {
    projectId,
    subject: 'research/iris: forest on iris',
    by: { username: 'maya' },
    from: '127.0.0.1',
  })
})

t.test('the note of an open merge request no longer names a deleted model', async (t) => {
  const { iid } = await openMergeRequest(service, project, 'try')
  await trainMergeRequest(service, project, iid, [model('tree', 0.85), model('bush', 0.5)])
  const noteText = () =>
    simulator
      .listNotes(project.id, iid)
      .map(({ body }) => body)
      .join('\n')
  await eventually('the note', () => /bush/.test(noteText()))
  const list = await stores.models.listNewest(projectId, { name: 'bush' }, { limit: 5, before: null })

  const deleted = await remove(`projects/${project.id}/models/${list.models[0]?.id}`)

  t.equal(deleted.status, 204)
  await eventually('the note without it', () => !/bush/.test(noteText()))
  t.match(noteText(), 'tree')
  const page = await service.get('/research/iris/-/merge_requests/1')
  t.notMatch(page.text, 'bush')
})

t.test('a project is deleted once its path is given, and hidden at once', async (t) => {
  const before = await holding(db, projectId)
  t.ok(before.length > 5)

  const unconfirmed = await remove(`projects/${project.id}`)
  const wrong = await remove(`projects/${project.id}?confirm=research`)
  const refused = await remove(`projects/${project.id}?confirm=research/iris`, developerToken)
  const deleted = await remove(`projects/${project.id}?confirm=research/iris`)
  const read = await service.get('/research/iris')

  t.same([unconfirmed.status, wrong.status, refused.status, deleted.status], [400, 400, 403, 202])
  t.equal(read.status, 404)
  const own = [`jobs delete-project:${projectId}`, `projects ${projectId}`]
  await eventually('its documents gone', async () => (await holding(db, projectId)).length <= own.length)
  t.same((await holding(db, projectId)).toSorted(), own, 'the row stays until what was under way has ended')
  t.match(await db.collection('audit').findOne({ action: 'project_deleted' }), { subject: 'research/iris' })

  // As if its three minutes were over.
  await db
    .collection('projects')
    .updateOne({ path: `-/${projectId}` }, { $set: { deletingSince: new Date(0) } })
  await db.collection('jobs').updateOne({ type: 'delete-project' }, { $set: { runAt: new Date(0) } })
  await eventually('the last of it gone', async () => (await holding(db, projectId)).length === 0)
  for (const name of ['research/iris', 'tree', 'bush']) t.same(await holding(db, name), [], name)
})

t.test('a deletion that was cut off is finished by the next run', async (t) => {
  const { client, db: other } = await openTestDatabase(t)
  await ensureIndexes(other)
  const mine = createStores({ client, db: other })
  const docs = Array.from({ length: 1_200 }, (_, index) => ({
    _id: `m${index}`,
    projectId: 'p1',
    upload: new ObjectId(),
  }))
  await other.collection<{ _id: string }>('models').insertMany(docs)
  const old = { _id: 'p1', gitlabProjectId: null, path: '-/p1', deletingSince: new Date(0) }
  await other.collection<{ _id: string }>('projects').insertOne(old)
  const kept = { _id: 'm-other', projectId: 'p11' }
  await other.collection<{ _id: string }>('models').insertOne(kept)
  let calls = 0
  const deletions = {
    ...mine.deletions,
    deleteProject: async (id: string, job: string) => {
      calls += 1
      if (calls > 1) return mine.deletions.deleteProject(id, job)
      await other.collection<{ _id: string }>('models').deleteMany({ _id: /^m1/ })
      throw new Error('cut off')
    },
  }
  const run = createDeleteProjectJob({ deletions, projects: mine.projects, clock: () => new Date() })
  const job = {
    key: jobKey.deleteProject('p1'),
    eventUuid: null,
    type: 'delete-project',
    generation: 1,
    fence: 1,
    attempts: 0,
  }
  const context = { log: { info: () => {} } } as unknown as Parameters<typeof run>[1]

  await t.rejects(run(job, context), { message: 'cut off' })
  t.same(await run(job, context), { kind: 'done' })

  t.same(await other.collection('models').find().toArray(), [kept])
  t.equal(await other.collection('projects').countDocuments(), 0)
})

t.test('a person deletes what is kept of them, after handing over what only they maintain', async (t) => {
  const made = await call(service, 'POST', '/api/v1/projects', {
    token: developerToken,
    body: { name: 'mine' },
  })
  const id = String(made.json.id)
  const tree = { name: 'tree', results: { accuracy: 0.5 } }
  const body = { project: id, models: [tree] }
  t.equal((await call(service, 'POST', '/api/v1/reports', { token: developerToken, body })).status, 202)

  const unconfirmed = await remove('user', developerToken)
  const blocked = await remove('user?confirm=dora', developerToken)
  t.same([unconfirmed.status, blocked.status], [400, 409])
  t.match(blocked.text, '~dora/mine')
  const member = { username: 'maya', access_level: 40 }
  const added = await call(service, 'POST', `/api/v1/projects/${id}/members`, {
    token: developerToken,
    body: member,
  })
  t.equal(added.status, 201)
  const deleted = await remove('user?confirm=dora', developerToken)

  t.equal(deleted.status, 204, deleted.text)
  t.same(await holding(db, `"gitlabUserId":${developer.id}`), [])
  await eventually('their models as of nobody', async () => {
    const named = [await holding(db, `"userId":${developer.id}`), await holding(db, `:${developer.id}"`)]
    return named.flat().length === 0
  })
  const named = await holding(db, 'dora')
  t.same(named, [`projects ${id}`], 'the address of a project that was handed over')
  t.same(await holding(db, 'Dora Developer'), [])
  t.equal((await remove('user?confirm=dora', developerToken)).status, 401, 'the token is gone')
  const models = await call(service, 'GET', `/api/v1/projects/${id}/models`, { token })
  t.match(models.json, { models: [{ name: 'tree' }] })
  t.match(await db.collection('audit').findOne({ action: 'person_deleted' }), { by: null })
})
