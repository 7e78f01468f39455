import type { Simulator } from '../simulator/simulator.js'
import type { StoryEnd } from './story.js'

/** What is not as the story tells it; nothing where all is well. */
export function findFaults(end: StoryEnd, simulator: Simulator): string[] {
  const notes = simulator.listNotes(end.projectId, end.mrIid)
  const [baseline = ''] = end.mainCommits.slice(-1)
  const [head = ''] = end.heads.slice(-1)
  const [first, second] = end.verdicts
  const checks: [string, boolean][] = [
    ['exactly one note stands on the merge request', notes.length === 1],
    ['the second push edited the note of the first', end.note.id === end.firstNoteId],
    ['the note speaks of the last head', end.note.body.includes(`/-/commits/${head}`)],
    ['the note compares with the last commit of main', end.note.body.includes(`/-/commits/${baseline}`)],
    ['the note says why that commit', /where this branch began/.test(end.note.body)],
    ['the first push breaks a rule', first?.state === 'failed'],
    ['the second push passes with a warning', second?.state === 'warned'],
    ['the note says so', /Gate passed with 1 warning/.test(end.note.body)],
    ['the note has both models', /logistic/.test(end.note.body) && /knn/.test(end.note.body)],
    ['no quick action, mention or reference came alive', simulator.effects.length === 0],
  ]
  return checks.filter(([, holds]) => !holds).map(([what]) => `Not so: ${what}`)
}
