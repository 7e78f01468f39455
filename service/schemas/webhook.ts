import { z } from 'zod'

const Id = z.int().positive()

/** The few fields of GitLab's webhooks that are read. An event is a hint only: the state is asked for afterwards. */
export const MergeRequestEvent = z.object({
  object_kind: z.literal('merge_request'),
  project: z.object({ id: Id }),
  object_attributes: z.object({
    iid: Id,
    // A test has none.
    action: z.string().nullish(),
    oldrev: z.string().nullish(),
  }),
  changes: z.record(z.string(), z.unknown()).nullish().catch(null),
})
export type MergeRequestEvent = z.infer<typeof MergeRequestEvent>

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

/** What events of all kinds have, as far as they have it. A template of the project's may make anything of the body. */
export const AnyEvent = z.object({
  object_kind: z.string().nullish().catch(null),
  project_id: Id.nullish().catch(null),
  project: z
    .object({
      id: Id.nullish().catch(null),
      path_with_namespace: z.string().nullish().catch(null),
      default_branch: z.string().nullish().catch(null),
    })
    .nullish()
    .catch(null),
  // A push has no `user`.
  user_id: Id.nullish().catch(null),
  user: z.object({ id: Id }).nullish().catch(null),
})
export type AnyEvent = z.infer<typeof AnyEvent>
