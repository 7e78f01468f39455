import { renderGfm } from '../gfm.js'
import { listNotes } from '../notes-store.js'
import { getUser } from '../people.js'
import { headPipeline } from '../pipeline-queries.js'
import { pipelineUrl } from '../present/pipelines.js'
import type { MergeRequest, Note } from '../state.js'
import type { World } from '../world.js'
import { html, trusted, type Html } from './html.js'
import { badge, pageTime, type Page } from './layout.js'

/** A merge request with its notes, oldest first, rendered as GitLab renders them. */
export function mergeRequestPage(world: World, mr: MergeRequest): Page {
  const author = getUser(world, mr.authorId)
  const body = html`
    <h1 class="title">${mr.title}</h1>
    <div class="facts">
      ${badge(mr.state, mr.state === 'opened' ? 'Open' : mr.state)} <b>${author.name}</b> requested to merge
      <code>${mr.sourceBranch}</code> into <code>${mr.targetBranch}</code> · !${mr.iid}
      ${pipelineLine(world, mr)}
    </div>
    ${mr.description === '' ? '' : markdown(mr.description)}
    ${listNotes(world, mr).map((note) => noteBlock(world, note))}
  `
  return { title: `${mr.title} (!${mr.iid})`, body }
}

function pipelineLine(world: World, mr: MergeRequest): Html | string {
  const pipeline = headPipeline(world, mr)
  if (pipeline === null) return ''
  return html` · pipeline
    <a href="${pipelineUrl(world, pipeline)}">#${pipeline.id}</a> ${badge(pipeline.status)}`
}

function noteBlock(world: World, note: Note): Html {
  const author = getUser(world, note.authorId)
  if (note.system) {
    return html`<div class="system" id="note_${note.id}"><b>${author.name}</b> ${markdown(note.body)}</div>`
  }
  const edited = note.updatedAt > note.createdAt ? html` · edited ${pageTime(note.updatedAt)}` : ''
  return html`<div class="note" id="note_${note.id}">
    <div class="avatar">${[...author.name][0]?.toUpperCase()}</div>
    <div class="box">
      <div class="who"><b>${author.name}</b> @${author.username} · ${pageTime(note.createdAt)}${edited}</div>
      ${markdown(note.body)}
    </div>
  </div>`
}

function markdown(text: string): Html {
  return html`<div class="md">${trusted(renderGfm(text).html)}</div>`
}
