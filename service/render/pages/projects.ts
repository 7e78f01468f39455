import type { Addresses } from '../../domain/addresses.js'
import { count } from '../verdict.js'
import type { PageFrame } from '../html.js'
import { markOf, type PageProject } from './common.js'

export interface ProjectsView extends PageFrame {
  projects: {
    path: string
    href: string
    mark: string | null
    isStandalone: boolean
    defaultBranch: string | null
    reportedAt: Date | null
  }[]
  isSignedIn: boolean
  newHref: string
  isFirstPage: boolean
  firstHref: string
  nextHref: string | null
  /** Says how many projects could not be shown now; null where none. */
  leftOut: string | null
  serviceUrl: string
  /** For those who are signed in. */
  connectHref: string
}

export interface ProjectsInput {
  projects: { project: PageProject & { standalone: object | null }; reportedAt: Date | null }[]
  isSignedIn: boolean
  isFirstPage: boolean
  /** The path below which the next page starts. */
  next: string | null
  /** Projects of which GitLab could not be asked whether they are still open. */
  unconfirmed: number
  serviceUrl: string
  addresses: Addresses
}

export function projectsView(input: ProjectsInput): ProjectsView {
  const { addresses, next, unconfirmed } = input
  return {
    title: 'Projects',
    crumbs: [{ text: 'Projects', href: null }],
    projects: input.projects.map(({ project, reportedAt }) => ({
      path: project.path,
      href: addresses.project(project.path),
      mark: markOf(project),
      isStandalone: project.standalone !== null,
      defaultBranch: project.defaultBranch,
      reportedAt,
    })),
    isSignedIn: input.isSignedIn,
    newHref: addresses.newProject(),
    isFirstPage: input.isFirstPage,
    firstHref: addresses.projects(),
    nextHref: next === null ? null : addresses.projects(next),
    leftOut:
      unconfirmed === 0
        ? null
        : `${count(unconfirmed, 'project')} left out: GitLab did not answer whether everyone may see ${unconfirmed === 1 ? 'it' : 'them'}.`,
    serviceUrl: input.serviceUrl,
    connectHref: addresses.connect(),
  }
}
