import { commitTitle } from '../present/commits.js'
import { getPipeline, listAllJobs, listLatestJobs } from '../pipeline-queries.js'
import { mergeRequestUrl } from '../present/merge-requests.js'
import { jobUrl, pipelineUrl } from '../present/pipelines.js'
import type { Commit } from '../git/commits.js'
import type { Job, Pipeline, Project } from '../state.js'
import type { World } from '../world.js'
import { html, type Html } from './html.js'
import { badge, pageTime, type Page } from './layout.js'

export function projectPage(world: World, project: Project): Page {
  const requests = [...world.state.mergeRequests.values()].filter((mr) => mr.projectId === project.id)
  const pipelines = [...world.state.pipelines.values()].filter(
    (pipeline) => pipeline.projectId === project.id,
  )
  const body = html`
    <h1 class="title">${project.path}</h1>
    <div class="facts">
      ${project.visibility} project · default branch <code>${project.defaultBranch}</code>
    </div>
    <h2>Merge requests</h2>
    <table class="list">
      ${requests.map(
        (mr) =>
          html`<tr>
            <td>!${mr.iid}</td>
            <td><a href="${mergeRequestUrl(world, mr)}">${mr.title}</a></td>
            <td>${badge(mr.state)}</td>
          </tr>`,
      )}
    </table>
    <h2>Pipelines</h2>
    <table class="list">
      ${pipelines.toReversed().map((pipeline) => pipelineRow(world, pipeline))}
    </table>
  `
  return { title: project.path, body }
}

function pipelineRow(world: World, pipeline: Pipeline): Html {
  return html`<tr>
    <td><a href="${pipelineUrl(world, pipeline)}">#${pipeline.id}</a></td>
    <td>${badge(pipeline.status)}</td>
    <td><code>${pipeline.ref}</code> ${pipeline.sha.slice(0, 8)}</td>
    <td>${pipeline.source}</td>
    <td>${pageTime(pipeline.createdAt)}</td>
  </tr>`
}

export function pipelinePage(world: World, pipeline: Pipeline): Page {
  const statuses = listAllJobs(world, pipeline.id).filter((job) => job.external && !job.retried)
  const body = html`
    <h1 class="title">Pipeline #${pipeline.id}</h1>
    <div class="facts">
      ${badge(pipeline.status)} ${pipeline.source} · <code>${pipeline.ref}</code> · ${pipeline.sha}
    </div>
    ${pipeline.yamlErrors === null ? '' : html`<pre class="trace">${pipeline.yamlErrors}</pre>`}
    <table class="list">
      ${[...listLatestJobs(world, pipeline.id), ...statuses].map((job) => jobRow(world, job))}
    </table>
  `
  return { title: `Pipeline #${pipeline.id}`, body }
}

function targetOf(world: World, job: Job): string {
  if (job.external) return job.targetUrl ?? '#'
  const downstream = world.state.pipelines.get(job.bridge?.downstreamId ?? -1)
  return downstream === undefined ? jobUrl(world, job) : pipelineUrl(world, downstream)
}

function jobRow(world: World, job: Job): Html {
  const target = targetOf(world, job)
  return html`<tr>
    <td>${job.stage}</td>
    <td><a href="${target}">${job.name}</a></td>
    <td>${badge(job.status)}</td>
    <td>${job.description}</td>
  </tr>`
}

export function jobPage(world: World, job: Job): Page {
  const pipeline = getPipeline(world, job.pipelineId)
  const body = html`
    <h1 class="title">${job.name}</h1>
    <div class="facts">
      ${badge(job.status)} stage ${job.stage} ·
      <a href="${pipelineUrl(world, pipeline)}">pipeline #${pipeline.id}</a>
    </div>
    <pre class="trace">${job.trace}</pre>
  `
  return { title: `${job.name} (#${job.id})`, body }
}

export function commitPage(commit: Commit): Page {
  const body = html`
    <h1 class="title">${commitTitle(commit)}</h1>
    <div class="facts">${commit.id} · ${commit.authorName} · ${commit.committedDate}</div>
    <pre class="trace">${commit.message}</pre>
  `
  return { title: commitTitle(commit), body }
}
