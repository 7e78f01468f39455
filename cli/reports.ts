import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { Problem } from '../service/errors.js'
import { parseFile, readContents } from '../service/ingest/files.js'
import type { PreviewSide } from '../service/preview.js'
import { explainProblem } from './report-problem.js'
import { UsageError } from './terminal.js'

/** What stands in for the names that a file does not give. */
export interface Names {
  model: string
  dataset: string
}

/** The models of the files of one side.
 * @throws UsageError that names file, line and key */
export async function readSide(paths: readonly string[], names: Names): Promise<PreviewSide> {
  const files = await Promise.all(paths.map(async (path) => ({ path, text: await readText(path) })))
  try {
    const models = readContents(files.map(parseFile), names)
    return { source: paths.map((path) => basename(path)).join(', '), models }
  } catch (error) {
    if (error instanceof Problem) throw new UsageError(...explainProblem(error, files))
    throw error
  }
}

/** @throws UsageError */
export async function readText(path: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new UsageError(`${path}: there is no such file.`)
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new UsageError(`${path}: the file is not UTF-8 text.`)
    throw new UsageError(`${path}: the file cannot be read (${code ?? String(error)}).`)
  }
}
