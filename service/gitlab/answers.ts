import { z } from 'zod'
import { GitLabError } from './errors.js'
import type { Answer } from './transport.js'

export const perPage = 100
/** A longer list is refused rather than cut: whoever looks for a note must not conclude from a part. */
const maxPages = 100

/** Reads the one thing that a call answers with. */
export async function get<T>(call: Promise<unknown>, schema: z.ZodType<T>): Promise<T> {
  return read(await call, schema)
}

/** As `get`, with null for 404. */
export async function find<T>(call: Promise<unknown>, schema: z.ZodType<T>): Promise<T | null> {
  try {
    return await get(call, schema)
  } catch (error) {
    if (error instanceof GitLabError && error.kind === 'not_found') return null
    throw error
  }
}

/** Reads one page of a list that may be read in parts. */
export async function getPage<T>(
  call: Promise<unknown>,
  schema: z.ZodType<T>,
): Promise<{ items: T[]; hasNextPage: boolean }> {
  const answer = await call
  return { items: read(answer, z.array(schema)), hasNextPage: asAnswer(answer).hasNextPage }
}

/**
 * Reads all pages. They can be shorter than asked for, even empty: GitLab hides notes after cutting pages. Only its
 * headers say that there is no further one.
 */
export async function list<T>(
  getPage: (page: number) => Promise<unknown>,
  schema: z.ZodType<T>,
): Promise<T[]> {
  const items: T[] = []
  for (let page = 1; ; page += 1) {
    const answer = await getPage(page)
    items.push(...read(answer, z.array(schema)))
    if (!asAnswer(answer).hasNextPage) return items
    if (page === maxPages) throw unexpected(asAnswer(answer), `the list has more than ${maxPages} pages`)
  }
}

function read<T>(body: unknown, schema: z.ZodType<T>): T {
  const answer = asAnswer(body)
  const parsed = schema.safeParse(answer.json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw unexpected(answer, `${issue?.path.join('.') || 'the answer'}: ${issue?.message ?? 'not as expected'}`)
}

/** gitbeaker hands over what the transport returned, under types of its own. */
function asAnswer(body: unknown): Answer {
  return body as Answer
}

function unexpected(answer: Answer, reason: string): GitLabError {
  return new GitLabError({
    kind: 'unexpected_answer',
    status: answer.status,
    endpoint: answer.endpoint,
    reason,
    retryAfterMs: null,
    outcomeUnknown: answer.write,
  })
}
