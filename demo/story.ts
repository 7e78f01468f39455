import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createRepository, type Repository } from './repository.js'
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
  pages: { mergeRequest: string; project: string; model: string }
}

const waitMs = 60_000

/** Two commits on `main`, then a merge request with two pushes, each trained by a pipeline. */
export async function tellStory(world: DemoWorld, { kill, tell }: StoryOptions): Promise<StoryEnd> {
  const { simulator, people, serviceUrl } = world
  const project = await simulator.createProject({
    path: 'research/iris',
    visibility: 'public',
    members: [
      { userId: people.maya.id, accessLevel: 40 },
      { userId: people.devon.id, accessLevel: 30 },
      { userId: people.bot.id, accessLevel: 40 },
    ],
  })
  const repository = await createRepository({
    folder: join(world.folder, 'iris'),
    remoteUrl: project.httpUrl,
    author: people.maya,
    serviceUrl,
  })

  const mainCommits = [
    await trainMain(world, project.id, repository, {
      message: 'Train two models on Iris',
      kill: false,
      tell,
    }),
  ]
  mainCommits.push(
    await trainMain(world, project.id, repository, {
      message: 'Train longer, look at fewer neighbours',
      edit: { logistic: { epochs: 300 }, knn: { k: 9 } },
      ...{ kill, tell },
    }),
  )

  await repository.switchTo('tune')
  const heads = [
    await repository.commit('Learn faster, look at more neighbours', {
      logistic: { learning_rate: 0.5 },
      knn: { k: 40 },
    }),
  ]
  await repository.push('tune')
  const mr = await simulator.createMergeRequest({
    ...{ projectId: project.id, sourceBranch: 'tune', targetBranch: 'main', userId: people.maya.id },
    title: 'Learn faster, look at more neighbours',
  })
  tell(`Merge request !${mr.iid}: both models are trained with new hyperparameters`)
  const first = await finalNote(world, project.id, mr.iid, heads[0] ?? '')
  tell('One note stands on the merge request')

  heads.push(await repository.commit('Weigh neighbours by distance', { knn: { k: 15, weights: 'distance' } }))
  await repository.push('tune')
  tell('Second push: the models are trained again')
  const note = await finalNote(world, project.id, mr.iid, heads[1] ?? '')
  tell('The same note was edited')

  return {
    ...{ projectId: project.id, mrIid: mr.iid, mainCommits, heads, note, firstNoteId: first.id },
    pages: {
      mergeRequest: `${simulator.url}/research/iris/-/merge_requests/${mr.iid}`,
      project: `${serviceUrl}/research/iris`,
      model: `${serviceUrl}/research/iris/-/models/logistic/iris`,
    },
  }
}

interface Chapter extends StoryOptions {
  message: string
  edit?: Parameters<Repository['commit']>[1]
}

async function trainMain(
  world: DemoWorld,
  projectId: number,
  repository: Repository,
  chapter: Chapter,
): Promise<string> {
  const { simulator } = world
  const sha = await repository.commit(chapter.message, chapter.edit)
  await repository.push('main')
  chapter.tell(`main at ${sha.slice(0, 7)}: ${chapter.message}`)
  const pipelineOf = () =>
    [...simulator.state.pipelines.values()].find((one) => one.projectId === projectId && one.sha === sha)
  if (chapter.kill) {
    await until('a running pipeline', () => pipelineOf()?.status === 'running')
    await world.crashService()
    chapter.tell('The service was killed and started again while the pipeline ran')
  }
  await until('the end of the pipeline', () => {
    const status = pipelineOf()?.status
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
