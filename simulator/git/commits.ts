import { git, gitText, tryGitText } from './git.js'

export interface Commit {
  id: string
  parentIds: string[]
  authorName: string
  authorEmail: string
  authoredDate: string
  committerName: string
  committerEmail: string
  committedDate: string
  message: string
}

const format = ['%H', '%P', '%an', '%ae', '%aI', '%cn', '%ce', '%cI', '%B'].join('%x00')

export interface CommitListing {
  /** A ref or a range such as `a..b`. */
  revision: string
  limit: number
  skip?: number
  path?: string
  since?: string
  until?: string
  firstParent?: boolean
}

export async function listCommits(gitDir: string, listing: CommitListing): Promise<Commit[]> {
  const args = [
    'log',
    `--format=${format}%x1e`,
    `--max-count=${listing.limit}`,
    `--skip=${listing.skip ?? 0}`,
  ]
  if (listing.since !== undefined) args.push(`--since=${listing.since}`)
  if (listing.until !== undefined) args.push(`--until=${listing.until}`)
  if (listing.firstParent === true) args.push('--first-parent')
  args.push('--end-of-options', listing.revision, '--')
  if (listing.path !== undefined) args.push(listing.path)
  const text = (await git(gitDir, args)).toString()
  return text
    .split('\u001E')
    .map((record) => record.replace(/^\n/, ''))
    .filter((record) => record !== '')
    .map(parseCommit)
}

export async function countCommits(gitDir: string, revision: string): Promise<number> {
  return Number(await gitText(gitDir, ['rev-list', '--count', '--end-of-options', revision]))
}

function parseCommit(record: string): Commit {
  const fields = record.split('\0')
  const field = (index: number): string => fields[index] ?? ''
  return {
    id: field(0),
    parentIds: field(1) === '' ? [] : field(1).split(' '),
    authorName: field(2),
    authorEmail: field(3),
    authoredDate: field(4),
    committerName: field(5),
    committerEmail: field(6),
    committedDate: field(7),
    message: field(8).trimEnd(),
  }
}

/** The full SHA of a branch, tag, ref or (short) SHA; `null` when there is no such commit. */
export async function resolveCommit(gitDir: string, revision: string): Promise<string | null> {
  if (revision === '' || revision.startsWith('-')) return null
  return tryGitText(gitDir, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`])
}

export async function mergeBase(gitDir: string, shas: string[]): Promise<string | null> {
  const found = await tryGitText(gitDir, ['merge-base', ...(shas.length > 2 ? ['--octopus'] : []), ...shas])
  return found === null || found === '' ? null : found
}

export interface FileChange {
  status: string
  path: string
}

/** Changed files between two commits; an empty `from` compares with nothing. */
export async function listChanges(gitDir: string, from: string, to: string): Promise<FileChange[]> {
  const base = from === '' ? await emptyTree(gitDir) : from
  const text = await gitText(gitDir, ['diff-tree', '-r', '-z', '--no-renames', '--name-status', base, to])
  const parts = text.split('\0').filter((part) => part !== '')
  const changes: FileChange[] = []
  for (let index = 0; index + 1 < parts.length; index += 2) {
    changes.push({ status: parts[index] ?? '', path: parts[index + 1] ?? '' })
  }
  return changes
}

async function emptyTree(gitDir: string): Promise<string> {
  return gitText(gitDir, ['hash-object', '-t', 'tree', '-w', '--stdin'], { input: '' })
}

export async function isAncestor(gitDir: string, ancestor: string, descendant: string): Promise<boolean> {
  return (await tryGitText(gitDir, ['merge-base', '--is-ancestor', ancestor, descendant])) !== null
}
