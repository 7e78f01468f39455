import { z } from 'zod'

/** `POST /api/v1/projects` without a repository. */
export const StandaloneBody = z.strictObject({
  name: z.string().min(1).max(100),
  description: z.string().max(2000).optional(),
})

/** `POST /api/v1/projects` for a project of GitLab. */
export const ConnectBody = z.strictObject({
  gitlab_id: z.int().min(1).max(999_999_999_999_999),
  /** Whether mlmm may post by the consent that the person gave for it. */
  posting: z.boolean().optional(),
  /** Our id of a standalone project that is to become this one. */
  standalone_id: z.string().min(1).max(100).optional(),
})

export const DescriptionBody = z.strictObject({ description: z.string().max(2000) })

const AccessLevel = z.literal([20, 30, 40], { error: 'must be 20, 30 or 40' })

/** Whom a standalone project is opened to. */
export const MemberBody = z.strictObject({ username: z.string().min(1).max(255), access_level: AccessLevel })
export const MemberLevelBody = z.strictObject({ access_level: AccessLevel })
