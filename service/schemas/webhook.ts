import { z } from 'zod'

const Id = z.int().positive()

/** The few fields of GitLab's webhooks that are read. An event is a hint only: the state is asked for afterwards. */
export const MergeRequestEvent = z.object({
  object_kind: z.literal('merge_request'),
  project: z.object({ id: Id }),
  object_attributes: z.object({ iid: Id }),
})

export const PipelineEvent = z.object({
  object_kind: z.literal('pipeline'),
  project: z.object({ id: Id }),
  object_attributes: z.object({ id: Id, source: z.string().nullish() }),
})

/** GitLab names the files of the newest 20 commits. */
export const PushEvent = z.object({
  object_kind: z.literal('push'),
  ref: z.string(),
  total_commits_count: z.number().nullish(),
  commits: z.array(
    z.object({
      added: z.array(z.string()).nullish(),
      modified: z.array(z.string()).nullish(),
      removed: z.array(z.string()).nullish(),
    }),
  ),
})
export type PushEvent = z.infer<typeof PushEvent>

export const AnyEvent = z.object({
  object_kind: z.string(),
  project_id: Id.nullish(),
  project: z.object({ id: Id }).nullish(),
})
