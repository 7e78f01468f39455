import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { askGate, type GateVerdict } from './gate.js'
import { createRepository, type ParamsEdit, type Repository } from './repository.js'
import type { DemoWorld } from './world.js'

export interface StoryOptions {
  /** Kill the service (-9) and start it again while the second pipeline runs. */
  kill: boolean
  tell: (line: string) => void
}

/** How the story ended. */
export interface StoryEnd {
  projectId: number
  mrIid: number
  /** Commits of `main`, oldest first, and of the merge request. */
  mainCommits: string[]
  heads: string[]
  /** The note as it stands at the end, and its id after the first push. */
  note: { id: number; body: string }
  firstNoteId: number
  /** What the gate says after each push of the merge request. */
  verdicts: GateVerdict[]
  /** The rules on `main`. */
  rules: string
  pages: { mergeRequest: string; comparison: string; project: string; model: string }
}

const waitMs = 60_000

/** Two commits on `main`, then a merge request with two pushes, each trained by a pipeline. */
export async function tellStory(world: DemoWorld, { kill, tell }: StoryOptions): Promise<StoryEnd> {
  const { simulator, people, serviceUrl } = world
  const project = await simulator.createProject({
    path: 'research/iris',
    visibility: 'public',
    members: [...people.members, { userId: people.bot.id, accessLevel: 40 }],
  })
  const repository = await createRepository({
    folder: join(world.folder, 'iris'),
    remoteUrl: project.httpUrl,
    author: people.maya,
    serviceUrl,
  })

  const chapters = { world, projectId: project.id, repository, tell }
  const older = await trainMain(chapters, { message: 'Train two models on Iris', kill: false })
  const newer = await trainMain(chapters, {
    message: 'Train longer, look at fewer neighbours',
    edit: { logistic: { epochs: 300 }, knn: { k: 9 } },
    kill,
  })

  const title = 'Learn faster, look at more neighbours'
  await repository.switchTo('tune')
  const firstHead = await repository.commit(title, { logistic: { learning_rate: 0.5 }, knn: { k: 40 } })
  await repository.push('tune')
  const branches = { sourceBranch: 'tune', targetBranch: 'main' }
  const mr = await simulator.createMergeRequest({
    projectId: project.id,
    ...branches,
    title,
    userId: people.maya.id,
  })
  tell(`Merge request !${mr.iid}: both models are trained with new hyperparameters`)
  const first = await finalNote(world, project.id, mr.iid, firstHead)
  const failed = await askGate(world, firstHead)
  tell(`One note stands on the merge request: ${failed.summary}`)

  const lastHead = await repository.commit('Look at fewer neighbours again', { knn: { k: 25 } })
  await repository.push('tune')
  tell('Second push: the models are trained again')
  const note = await finalNote(world, project.id, mr.iid, lastHead)
  const warned = await askGate(world, lastHead)
  tell(`The same note was edited: gate ${warned.state}, ${warned.summary}`)

  return {
    projectId: project.id,
    mrIid: mr.iid,
    mainCommits: [older, newer],
    heads: [firstHead, lastHead],
    note,
    firstNoteId: first.id,
    verdicts: [failed, warned],
    rules: await readFile(join(world.folder, 'iris', '.mlmm.yml'), 'utf8'),
    pages: {
      mergeRequest: `${simulator.url}/research/iris/-/merge_requests/${mr.iid}`,
      comparison: `${serviceUrl}/research/iris/-/merge_requests/${mr.iid}`,
      project: `${serviceUrl}/research/iris`,
      model: `${serviceUrl}/research/iris/-/models/logistic/iris`,
    },
  }
}

interface Chapters {
  world: DemoWorld
  projectId: number
  repository: Repository
  tell: StoryOptions['tell']
}

interface Chapter {
  message: string
  edit?: ParamsEdit
  kill: boolean
}

/** One commit on `main`, until its pipeline has ended. */
async function trainMain(
  { world, projectId, repository, tell }: Chapters,
  chapter: Chapter,
): Promise<string> {
  const sha = await repository.commit(chapter.message, chapter.edit)
  await repository.push('main')
  tell(`main at ${sha.slice(0, 7)}: ${chapter.message}`)
  const pipelines = world.simulator.state.pipelines
  const statusNow = () =>
    [...pipelines.values()].find((one) => one.projectId === projectId && one.sha === sha)?.status
  if (chapter.kill) {
    await until('a running pipeline', () => statusNow() === 'running')
    await world.crashService()
    tell('The service was killed and started again while the pipeline ran')
  }
  await until('the end of the pipeline', () => {
    const status = statusNow()
    if (status === 'failed' || status === 'canceled') throw new Error(`The pipeline of ${sha} ${status}`)
    return status === 'success'
  })
  return sha
}

/** The note that speaks of `head` after its pipeline has finished. */
async function finalNote(world: DemoWorld, projectId: number, mrIid: number, head: string) {
  const find = () =>
    world.simulator
      .listNotes(projectId, mrIid)
      .find(
        (note) => note.body.includes(head.slice(0, 7)) && /finished, 2 of 2 jobs reported/.test(note.body),
      )
  await until('the final note', () => find() !== undefined)
  const note = find()
  if (note === undefined) throw new Error('The note is gone')
  return { id: note.id, body: note.body }
}

async function until(what: string, isSo: () => boolean): Promise<void> {
  const endsAt = performance.now() + waitMs
  while (!isSo()) {
    if (performance.now() > endsAt) throw new Error(`${what} did not come within ${waitMs / 1000} s`)
    await pause(50)
  }
}
