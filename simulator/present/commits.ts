import type { Commit } from '../git/commits.js'
import { projectUrl } from '../projects.js'
import type { Project } from '../state.js'
import type { World } from '../world.js'

export function commitTitle(commit: Commit): string {
  return commit.message.split('\n')[0] ?? ''
}

export function presentCommit(world: World, project: Project, commit: Commit): Record<string, unknown> {
  return {
    id: commit.id,
    short_id: commit.id.slice(0, 8),
    created_at: commit.committedDate,
    parent_ids: commit.parentIds,
    title: commitTitle(commit),
    message: commit.message,
    author_name: commit.authorName,
    author_email: commit.authorEmail,
    authored_date: commit.authoredDate,
    committer_name: commit.committerName,
    committer_email: commit.committerEmail,
    committed_date: commit.committedDate,
    trailers: {},
    extended_trailers: {},
    web_url: commitUrl(world, project, commit.id),
  }
}

function commitUrl(world: World, project: Project, sha: string): string {
  return `${projectUrl(world, project)}/-/commit/${sha}`
}

export function presentHookCommit(world: World, project: Project, commit: Commit): Record<string, unknown> {
  return {
    id: commit.id,
    message: commit.message,
    title: commitTitle(commit),
    timestamp: commit.committedDate,
    url: commitUrl(world, project, commit.id),
    author: { name: commit.authorName, email: commit.authorEmail },
  }
}
