import { z } from 'zod'

/** Body of `POST /api/v1/preview`. Reports are read by `ingest`, in any form that a result file may have. */
export const PreviewBody = z.strictObject({
  base: z.unknown().optional(),
  head: z.custom<unknown>((value) => value !== undefined && value !== null, { error: 'is missing' }),
  rules: z.string({ error: 'must be the text of a rules file, or null' }).nullish(),
})
