import { z } from 'zod'

const Reason = z
  .string()
  .trim()
  .min(1, 'must say why')
  .max(500, 'has at most 500 characters')
  .refine((text) => text.isWellFormed() && !text.includes('\0'), { error: 'must be plain text' })

/** Body of `POST /api/v1/projects/:id/merge_requests/:iid/acceptance`. */
export const AcceptanceBody = z.strictObject({
  reason: Reason,
  head_sha: z
    .string()
    .regex(/^[0-9a-f]{40,64}$/, 'must be a whole commit id')
    .optional(),
  keys: z.array(z.string().min(1).max(3_000)).min(1).max(1_000).optional(),
})

/** The same as the form of a merge request's page sends it: a browser ends lines with two characters. */
export const AcceptanceForm = z.object({
  reason: z
    .string()
    .transform((text) => text.replaceAll('\r\n', '\n'))
    .pipe(Reason),
  head_sha: AcceptanceBody.shape.head_sha,
})

/** Body of `POST /api/v1/projects/:id/models/:modelId/exclusion`. */
export const ExclusionBody = z.strictObject({ reason: Reason })

/** Body of `PATCH /api/v1/projects/:id`. */
export const ProjectSettingsBody = z.strictObject({
  fork_reports: z.enum(['refused', 'allowed'], { error: 'must be "refused" or "allowed"' }),
})
