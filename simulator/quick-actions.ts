export interface QuickAction {
  command: string
  argument: string
  /** The whole line. */
  text: string
}

const commands = `
  add_child add_contacts add_email add_parent approve assign assign_reviewer award blocked_by blocks
  board_move cc checkin_reminder child_epic clear_health_status clear_weight clone close confidential
  convert_to_ticket copy_metadata create_merge_request done draft due duplicate epic estimate
  estimate_time health_status invite_email iteration label labels link lock merge milestone move page
  parent_epic promote promote_to promote_to_incident publish react ready reassign reassign_reviewer
  rebase relabel relate remove_child remove_child_epic remove_contacts remove_due_date remove_email
  remove_epic remove_estimate remove_iteration remove_milestone remove_parent remove_parent_epic
  remove_reviewer remove_time_estimate remove_time_spent remove_zoom reopen request_changes
  request_review reset_assignee reviewer run_pipeline set_parent severity ship shrug spend spend_time
  status submit_review subscribe tableflip tag target_branch timeline title todo type unapprove
  unassign unassign_reviewer unlabel unlink unlock unsubscribe weight wip zoom
`
  .trim()
  .split(/\s+/)
const commandLine = new RegExp(`^/(${commands.join('|')})(?: ([^\\n]*))?\\s*$`, 'i')

/**
 * Finds quick actions in raw Markdown: lines that start with `/` and a known command, outside fenced code.
 * Newer GitLab versions look into paragraphs only; this is the wider rule of older ones, which do not take an
 * unclosed fence or `~~~` for code either, so that what is dead here is dead in all of them.
 */
export function splitQuickActions(markdown: string): { actions: QuickAction[]; rest: string } {
  const actions: QuickAction[] = []
  const rest: string[] = []
  const lines = markdown.replace(/\r/g, '').split('\n')
  let codeEnds = -1
  for (const [index, line] of lines.entries()) {
    if (index > codeEnds && line.startsWith('```')) codeEnds = closingFence(lines, index)
    const match = index > codeEnds ? commandLine.exec(line) : null
    if (match === null) {
      rest.push(line)
      continue
    }
    actions.push({ command: (match[1] ?? '').toLowerCase(), argument: (match[2] ?? '').trim(), text: line })
  }
  return { actions, rest: rest.join('\n') }
}

/** The line that closes the fence, or -1. */
function closingFence(lines: string[], start: number): number {
  const fence = /^`+/.exec(lines[start] ?? '')?.[0] ?? ''
  return lines.findIndex(
    (line, index) => index > start && /^`+\s*$/.test(line) && line.trim().length >= fence.length,
  )
}
