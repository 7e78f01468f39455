import { chmod, readFile, realpath, rename, writeFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { UsageError } from './terminal.js'

/** A file of variables, one `NAME=value` a line. */
export interface EnvFile {
  path: string
  /** Whether it was there. */
  existed: boolean
  /** Empty where it is not set. */
  value(name: string): string
  /** Writes the file at once, readable by its owner alone. A value that is there is never replaced. */
  set(values: Record<string, string>): Promise<void>
}

/** The variables of a file; null where there is none.
 * @throws UsageError */
export async function readEnvFile(path: string): Promise<Record<string, string> | null> {
  const text = await readText(path)
  return text === null ? null : valuesOf(text)
}

/** `sample` is the text that a new file begins with; its values are examples and count as not set.
 * @throws UsageError */
export async function openEnvFile(path: string, sample: string): Promise<EnvFile> {
  const examples = valuesOf(sample)
  const before = await readText(path)
  let text = before ?? sample

  function value(name: string): string {
    const found = valuesOf(text)[name] ?? ''
    return found === examples[name] ? '' : found
  }

  return {
    path,
    existed: before !== null,
    value,
    async set(values) {
      for (const [name, wanted] of Object.entries(values)) {
        if (value(name) === '') text = withValue(text, sample, { name, value: wanted })
      }
      await writePrivately(path, text)
    },
  }
}

async function readText(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return null
    throw new UsageError(`${path}: the file cannot be read (${code ?? String(error)}).`)
  }
}

function valuesOf(text: string): Record<string, string> {
  return Object.fromEntries(Object.entries(parseEnv(text)).map(([name, value]) => [name, value ?? '']))
}

function withValue(text: string, sample: string, { name, value }: { name: string; value: string }): string {
  const line = `${name}=${value}`
  // The last line of a name counts, so none of them may stay empty.
  const empty = new RegExp(`^(?:export\\s+)?${name}[ \\t]*=.*$`, 'gm')
  const commented = new RegExp(`^#${name}=.*$`, 'm')
  const place = [empty, commented].find((pattern) => text.search(pattern) >= 0)
  if (place !== undefined) return text.replace(place, () => line)
  const comment = new RegExp(`((?:^# .*\\n)+)(?:#?[A-Z_]+=.*\\n)*?#?${name}=`, 'm').exec(sample)?.[1] ?? ''
  return `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}\n${comment}${line}\n`
}

/** By way of a second file, so that a crash leaves the old text or the new one. */
async function writePrivately(path: string, text: string): Promise<void> {
  const target = await realpath(path).catch(() => path)
  const part = `${target}.part`
  await writeFile(part, text, { mode: 0o600 })
  await chmod(part, 0o600)
  await rename(part, target)
}
