import { accessLevel, developer } from './access.js'
import { editMergeRequest } from './merge-requests.js'
import { acceptMergeRequest } from './merging.js'
import { findUserByName } from './people.js'
import { getProject } from './projects.js'
import type { QuickAction } from './quick-actions.js'
import type { MergeRequest, User } from './state.js'
import type { World } from './world.js'

export type ActionOutcome = { done: true; summary: string } | { done: false; summary: string }

/** Does what the action asks for; actions that change nothing here count as done too. */
export async function runQuickAction(
  world: World,
  mr: MergeRequest,
  user: User,
  action: QuickAction,
): Promise<ActionOutcome> {
  if (accessLevel(world, getProject(world, mr.projectId), user) < developer) {
    return { done: false, summary: `Could not apply ${action.command} command.` }
  }
  if (action.command === 'merge') return merge(world, mr, user)
  const edit = editFor(world, mr, action)
  if (edit !== null) editMergeRequest(world, mr, user, edit)
  return { done: true, summary: `Applied ${action.command}.` }
}

async function merge(world: World, mr: MergeRequest, user: User): Promise<ActionOutcome> {
  try {
    await acceptMergeRequest(world, mr, user)
    return { done: true, summary: 'Merged this merge request.' }
  } catch {
    // Like GitLab, a merge that is not possible only makes the command fail.
    return { done: false, summary: 'Could not apply merge command.' }
  }
}

function editFor(
  world: World,
  mr: MergeRequest,
  action: QuickAction,
): Parameters<typeof editMergeRequest>[3] | null {
  switch (action.command) {
    case 'close':
      return { stateEvent: 'close' }
    case 'reopen':
      return { stateEvent: 'reopen' }
    case 'title':
      return { title: action.argument }
    case 'draft':
      return { title: `Draft: ${mr.title}` }
    case 'ready':
      return { title: mr.title.replace(/^draft: /i, '') }
    case 'target_branch':
      return { targetBranch: action.argument }
    case 'label':
    case 'labels':
      return { labels: [...new Set([...mr.labels, ...labelNames(action.argument)])] }
    case 'unlabel':
      return { labels: mr.labels.filter((label) => !labelNames(action.argument).includes(label)) }
    case 'assign':
    case 'reassign':
      return { assigneeIds: [...new Set([...mr.assigneeIds, ...userIds(world, action.argument)])] }
    case 'unassign':
      return { assigneeIds: [] }
    case 'lock':
      return { discussionLocked: true }
    case 'unlock':
      return { discussionLocked: false }
    default:
      return null
  }
}

function labelNames(argument: string): string[] {
  return [...argument.matchAll(/~"([^"]+)"|~([^\s,~]+)/g)].map((match) => match[1] ?? match[2] ?? '')
}

function userIds(world: World, argument: string): number[] {
  const names = [...argument.matchAll(/@([\w.-]+)/g)].map((match) => match[1] ?? '')
  return names.flatMap((name) => findUserByName(world, name)?.id ?? [])
}
