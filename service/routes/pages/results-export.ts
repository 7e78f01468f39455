import { Readable } from 'node:stream'
import type { FastifyReply } from 'fastify'
import type { ResultsFormat } from '../../domain/page-address.js'
import { type ColumnKey, fieldNames, isFieldName } from '../../domain/table/cells.js'
import { Problem } from '../../errors.js'
import { csvHead, csvLine, ndjsonLine } from '../../render/table-export.js'
import type { AnyProject } from '../../stores/project-store.js'
import type { PageContext } from './context.js'
import { readQuery } from './results.js'

const mostColumns = 1_000
const types = { csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson; charset=utf-8' }

/** All that the same address shows as a table, as a stream of lines: the chosen columns, else all that there are.
 * @throws Problem INVALID_QUERY where not everything of the address makes sense */
export async function sendResults(
  context: PageContext,
  project: AnyProject,
  {
    params,
    format,
    reply,
  }: { params: URLSearchParams; format: Exclude<ResultsFormat, 'html'>; reply: FastifyReply },
): Promise<FastifyReply> {
  const { query, selection, problems } = await readQuery(context, project, params)
  const [problem] = problems
  if (problem !== undefined) {
    const { parameter, value, message } = problem
    throw new Problem('INVALID_QUERY', { message: `${parameter}: ${message}`, field: parameter, value })
  }
  const chosen =
    query.columns.length > 0 ? query.columns : [...(await context.modelTable.listKeys(project.id))]
  const named = chosen.filter((key) => !isFieldName(key)).slice(0, mostColumns)
  const keys: ColumnKey[] = [...fieldNames, ...named]
  async function* lines() {
    if (format === 'csv') yield csvHead(keys)
    for await (const rows of context.modelTable.read(project.id, selection, keys)) {
      yield rows.map((row) => (format === 'csv' ? csvLine(row) : ndjsonLine(keys, row))).join('')
    }
  }
  const file = `${
    project.path
      .split('/')
      .at(-1)
      ?.replace(/[^\w.-]/g, '_') ?? 'results'
  }.${format}`
  return reply
    .type(types[format])
    .header('content-disposition', `attachment; filename="${file}"`)
    .header('cache-control', 'private, no-store')
    .send(Readable.from(lines()))
}
