import { git, gitText, tryGitText } from './git.js'

export interface Person {
  name: string
  email: string
}

export interface FileCommit {
  branch: string
  /** New content for each path; `null` deletes the file. */
  files: Record<string, string | Buffer | null>
  message: string
  author: Person
  date: Date
  /** The commit to start from; without one the branch starts a new history. */
  parent: string | null
}

/** Commits files without a working copy and moves the branch to the new commit. */
export async function commitFiles(gitDir: string, commit: FileCommit): Promise<string> {
  const seconds = Math.floor(commit.date.getTime() / 1000)
  const who = `${commit.author.name} <${commit.author.email}> ${seconds} +0000`
  const message = Buffer.from(commit.message)
  const parts: (string | Buffer)[] = [
    `commit refs/heads/${commit.branch}\nauthor ${who}\ncommitter ${who}\ndata ${message.length}\n`,
    message,
    '\n',
  ]
  if (commit.parent !== null) parts.push(`from ${commit.parent}\n`)
  for (const [path, content] of Object.entries(commit.files)) parts.push(...fileParts(path, content))
  await git(gitDir, ['fast-import', '--quiet', '--force'], {
    input: Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))),
  })
  return gitText(gitDir, ['rev-parse', `refs/heads/${commit.branch}`])
}

function fileParts(path: string, content: string | Buffer | null): (string | Buffer)[] {
  const quoted = `"${path.replace(/["\\]/g, '\\$&')}"`
  if (content === null) return [`D ${quoted}\n`]
  const bytes = Buffer.from(content)
  return [`M 100644 inline ${quoted}\ndata ${bytes.length}\n`, bytes, '\n']
}

export interface MergeTree {
  tree: string
  conflicts: boolean
}

/** Merges two commits in memory. */
export async function mergeTrees(gitDir: string, ours: string, theirs: string): Promise<MergeTree> {
  const merged = await tryGitText(gitDir, ['merge-tree', '--write-tree', ours, theirs])
  if (merged === null) return { tree: '', conflicts: true }
  return { tree: merged.split('\n')[0] ?? '', conflicts: false }
}

export interface TreeCommit {
  tree: string
  parents: string[]
  message: string
  author: Person
  date: Date
}

/** Writes a commit that no branch points to yet. */
export async function commitTree(gitDir: string, commit: TreeCommit): Promise<string> {
  const date = `${Math.floor(commit.date.getTime() / 1000)} +0000`
  return gitText(
    gitDir,
    ['commit-tree', commit.tree, ...commit.parents.flatMap((parent) => ['-p', parent])],
    {
      input: commit.message,
      env: {
        GIT_AUTHOR_NAME: commit.author.name,
        GIT_AUTHOR_EMAIL: commit.author.email,
        GIT_AUTHOR_DATE: date,
        GIT_COMMITTER_NAME: commit.author.name,
        GIT_COMMITTER_EMAIL: commit.author.email,
        GIT_COMMITTER_DATE: date,
      },
    },
  )
}

export async function updateRef(gitDir: string, ref: string, sha: string): Promise<void> {
  await git(gitDir, ['update-ref', ref, sha])
}

/** Takes a commit of another repository over under a ref of this one. */
export async function fetchFrom(gitDir: string, otherDir: string, sha: string, ref: string): Promise<void> {
  await git(gitDir, ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', otherDir, `+${sha}:${ref}`])
}
