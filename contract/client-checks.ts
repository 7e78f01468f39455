import { strict as assert } from 'node:assert'
import { createGitLab } from '../service/gitlab/client.js'
import { GitLabError } from '../service/gitlab/errors.js'
import { eventually, type Ground } from './ground.js'

export interface ClientCheck {
  what: string
  check(ground: Ground): Promise<void>
}

const missing = 999_999_999
const hookUrl = 'https://mlmm.example.com/webhooks/gitlab/contract'

/** What the service needs of its client, against the GitLab that is there. */
export const clientChecks: ClientCheck[] = [
  {
    what: 'knows who the token belongs to',
    async check({ gitlab, userId }) {
      assert.equal((await gitlab.getCurrentUser()).id, userId)
      assert.equal((await gitlab.findUser(userId))?.state, 'active')
    },
  },
  {
    what: 'finds the project by its number, and none by another',
    async check({ gitlab, projectId, path }) {
      const project = await gitlab.findProject(projectId)
      assert.equal(project?.path, path)
      assert.equal(project?.visibility, 'private')
      assert.equal(project?.defaultBranch, 'main')
      assert.equal(await gitlab.findProject(missing), null)
    },
  },
  {
    what: 'tells roles: 40 or more for who made the project, none for strangers',
    async check({ gitlab, projectId, userId }) {
      assert.ok(((await gitlab.findAccessLevel(projectId, userId)) ?? 0) >= 40)
      assert.equal(await gitlab.findAccessLevel(projectId, missing), null)
    },
  },
  {
    what: 'reads files and commits',
    async check({ gitlab, projectId, mainSha }) {
      const file = await gitlab.findFile(projectId, '.mlmm.yml', 'main')
      assert.equal(file?.text, 'results: {}\n')
      assert.equal(file?.commitId, mainSha)
      assert.equal(await gitlab.findFile(projectId, 'no/such.yml', 'main'), null)
      const commits = await gitlab.listCommits(projectId, 'feature', 10)
      assert.equal(commits.at(-1)?.id, mainSha)
    },
  },
  {
    what: 'reads a merge request once GitLab has prepared it',
    async check({ gitlab, projectId, mrIid, headSha, mainSha }) {
      const mr = await eventually(async () => {
        const found = await gitlab.findMergeRequest(projectId, mrIid)
        return found?.baseSha == null ? null : found
      })
      assert.equal(mr?.sha, headSha)
      assert.equal(mr?.baseSha, mainSha)
      const open = await gitlab.listOpenMergeRequests(projectId, 'feature')
      assert.deepEqual(
        open.map(({ iid }) => iid),
        [mrIid],
      )
      assert.equal(await gitlab.findMergeRequest(projectId, missing), null)
    },
  },
  {
    what: 'writes, edits, lists and removes a note',
    async check({ gitlab, projectId, mrIid, userId }) {
      const note = await gitlab.createNote(projectId, mrIid, 'A note of `npm run contract`')
      assert.equal(note.authorId, userId)
      const edited = await gitlab.editNote(projectId, mrIid, note.id, 'Edited')
      assert.equal(edited?.body, 'Edited')
      assert.ok((await gitlab.listNotes(projectId, mrIid)).some(({ id }) => id === note.id))
      await gitlab.deleteNote(projectId, mrIid, note.id)
      assert.equal(await gitlab.editNote(projectId, mrIid, note.id, 'Again'), null)
      await gitlab.deleteNote(projectId, mrIid, note.id)
    },
  },
  {
    what: 'adds and edits a webhook without a second one',
    async check({ gitlab, projectId }) {
      const token = 'x'.repeat(32)
      const hook = await gitlab.addHook(projectId, { url: hookUrl, token })
      await gitlab.editHook(projectId, hook.id, { url: hookUrl, token: 'y'.repeat(32) })
      const hooks = await gitlab.listHooks(projectId)
      assert.equal(hooks.filter(({ url }) => url === hookUrl).length, 1)
    },
  },
  {
    what: 'follows a pipeline and sets its status, twice without harm',
    async check({ gitlab, projectId, pipelineId }) {
      if (pipelineId === null) return
      const pipeline = await gitlab.findPipeline(projectId, pipelineId)
      assert.ok(pipeline)
      const jobs = await gitlab.listPipelineJobs(projectId, pipelineId)
      assert.deepEqual(
        jobs.map(({ name }) => name),
        ['train'],
      )
      const found = await gitlab.listPipelines(projectId, { sha: pipeline.sha })
      assert.ok(found.some(({ id }) => id === pipelineId))
      const status = {
        pipelineId,
        state: 'success',
        name: 'mlmm',
        description: 'contract',
        targetUrl: 'https://mlmm.example.com/',
      } as const
      assert.equal(await gitlab.setCommitStatus(projectId, pipeline.sha, status), 'set')
      assert.notEqual(await gitlab.setCommitStatus(projectId, pipeline.sha, status), 'not_possible')
    },
  },
  {
    what: 'reads the CI configuration of a commit',
    async check({ gitlab, projectId, headSha }) {
      const config = await gitlab.lintCi(projectId, headSha)
      assert.equal(typeof config?.valid, 'boolean')
    },
  },
  {
    what: 'tells a refused token from everything else',
    async check({ url, projectId }) {
      const stranger = createGitLab({ apiUrl: url, token: 'glpat-no-such-token-of-anybody' })
      await assert.rejects(
        () => stranger.findProject(projectId),
        (error) => error instanceof GitLabError && error.kind === 'unauthorized',
      )
    },
  },
]
