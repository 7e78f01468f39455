import type { Addresses } from '../domain/addresses.js'
import { type Baseline, chooseBaselines } from '../domain/baseline.js'
import type { Comparison } from '../domain/comparison.js'
import { compare } from '../domain/compare.js'
import { toComparedTable } from '../domain/compared-table.js'
import type { Model } from '../domain/model.js'
import type { GitLabMergeRequest } from '../gitlab/port.js'
import { mainColumns } from '../render/columns.js'
import { renderLines } from '../render/lines.js'
import type { NoteInput } from '../render/note-input.js'
import { verdictText } from '../render/verdict.js'
import type { ComparisonStore, StoredComparison } from '../stores/comparison-store.js'
import type { Project } from '../stores/project-store.js'
import type { BaselinePools } from './baseline-pools.js'
import {
  describePipeline,
  endedJobs,
  type Head,
  type HeadReader,
  reportedJobs,
} from './merge-request-head.js'

const mostFailedJobs = 100

/** What a comparison needs to know of its merge request. */
export type MergeRequestFacts = Pick<
  GitLabMergeRequest,
  'iid' | 'state' | 'webUrl' | 'sourceBranch' | 'targetBranch' | 'commitsBehind'
> & {
  baseSha: string
  previousHeadSha: string | null
}

export interface ComparerOptions {
  readHead: HeadReader
  pools: BaselinePools
  comparisons: Pick<ComparisonStore, 'save'>
  addresses: Addresses
  clock: () => Date
}

/** Compares a head with its baselines and keeps what is to be said: the jobs that reported wait for that.
 * Answers with all that the note says. */
export type Comparer = (project: Project, facts: MergeRequestFacts, head: Head) => Promise<NoteInput>

export function createComparer({
  readHead,
  pools,
  comparisons,
  addresses,
  clock,
}: ComparerOptions): Comparer {
  return async (project, facts, head) => {
    const input = await compareHead(project, facts, head)
    await comparisons.save(toStored({ projectId: project.id, facts, head, input, judgedAt: clock() }))
    return input
  }

  async function compareHead(project: Project, facts: MergeRequestFacts, head: Head): Promise<NoteInput> {
    const targetSha = head.pipelines.find((row) => row.targetSha !== null)?.targetSha ?? null
    const gathered = await pools.gather({ project, mergeRequest: facts, targetSha, candidates: head.models })
    const baselinesOf = (candidates: Model[]) => chooseBaselines({ candidates, pools: gathered })
    const baselines = baselinesOf(head.models)
    const { previousHeadSha: before } = facts
    const previous = before === null ? null : await readHead(project, { ...facts, sha: before })
    return {
      projectUrl: project.webUrl,
      targetBranch: facts.targetBranch,
      headSha: head.sha,
      pipeline: describePipeline(project, head, baselines),
      comparison: compareModels(head, head.models, baselines),
      previous:
        previous === null || previous.models.length === 0
          ? null
          : {
              headSha: previous.sha,
              comparison: compareModels(head, previous.models, baselinesOf(previous.models)),
            },
      links: {
        model: (model) => addresses.model(project.path, model),
        comparison: addresses.mergeRequest(project.path, facts.iid),
      },
    }
  }
}

function compareModels(head: Head, candidates: Model[], baselines: Baseline[]): Comparison {
  return compare({ candidates, baselines, endedJobs: endedJobs(head) })
}

interface Judged {
  projectId: string
  facts: MergeRequestFacts
  head: Head
  input: NoteInput
  judgedAt: Date
}

function toStored({ projectId, facts, head, input, judgedAt }: Judged): StoredComparison {
  return {
    projectId,
    mrIid: facts.iid,
    mrState: facts.state,
    mrUrl: facts.webUrl,
    sourceBranch: facts.sourceBranch,
    targetBranch: facts.targetBranch,
    baseSha: facts.baseSha,
    commitsBehind: facts.commitsBehind,
    headSha: head.sha,
    previousHeadSha: facts.previousHeadSha,
    jobIds: reportedJobs(head),
    summary: verdictText(input),
    lines: renderLines(input),
    table: toComparedTable(input.comparison, mainColumns(input.comparison)),
    pipeline: { ...input.pipeline, failedJobs: input.pipeline.failedJobs.slice(0, mostFailedJobs) },
    judgedAt,
  }
}
