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

export const AnyEvent = z.object({
  object_kind: z.string(),
  project_id: Id.nullish(),
  project: z.object({ id: Id }).nullish(),
})
