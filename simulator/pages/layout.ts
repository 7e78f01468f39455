import { projectUrl } from '../projects.js'
import type { Project } from '../state.js'
import type { World } from '../world.js'
import { html, trusted, type Html } from './html.js'
import { style } from './style.js'

export interface Page {
  title: string
  body: Html
}

export function layout(world: World, project: Project, page: Page): string {
  const crumbs = html`<a href="${projectUrl(world, project)}">${project.path.split('/').join(' / ')}</a>`
  return frame(crumbs, { ...page, title: `${page.title} · ${project.path}` })
}

/** A page of the instance that belongs to no project. */
export function instancePage(world: World, page: Page): string {
  return frame(html`<a href="${world.url}/users/sign_in">GitLab</a>`, page)
}

function frame(crumbs: Html, page: Page): string {
  const document = html`<html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width" />
      <title>${page.title} · GitLab</title>
      <style>
        ${trusted(style)}
      </style>
    </head>
    <body>
      <header>${crumbs}</header>
      <main>${page.body}</main>
    </body>
  </html>`
  return `<!DOCTYPE html>\n${document.markup}\n`
}

export function badge(status: string, text = status): Html {
  return html`<span class="badge ${status}">${text}</span>`
}

export function pageTime(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
