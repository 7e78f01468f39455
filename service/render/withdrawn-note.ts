import { gfm, join, link } from './markdown.js'

/** What stands in place of a note that named a deleted model, where no comparison can be made anew. */
export function renderWithdrawnNote({ path, url }: { path: string; url: string }): string {
  const heading = gfm`### Model results were deleted`
  const words = gfm`This note showed a model that has been deleted since, so all that it said was taken out. What is left of ${link(gfm`${path}`, url)} is kept.`
  return `${join([heading, words], gfm`\n\n`).source}\n`
}
