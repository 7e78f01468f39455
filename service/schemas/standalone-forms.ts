import { z } from 'zod'

/** Forms as browsers send them: all texts. A line ends with two characters there. */
const text = (longest: number) => z.string().max(longest).default('')
const words = z
  .string()
  .max(20_000)
  .default('')
  .transform((written) => written.replaceAll('\r\n', '\n').toWellFormed())

export const NewStandaloneForm = z.object({ name: text(400), description: words })
export const DescriptionForm = z.object({ description: words })
export const MemberForm = z.object({ username: text(400), access_level: text(10) })
export const ConfirmForm = z.object({ confirm: text(2000) })
