import Handlebars from 'handlebars'
import { visibleText } from './text.js'
import type { ConnectProjectView, ConnectView } from './pages/connect.js'
import type { NewTokenView, TokensView } from './pages/tokens.js'
import type { ProfileView } from './pages/profile.js'
import type { HistoryView } from './pages/history.js'
import type { MergeRequestView } from './pages/merge-request.js'
import type { ModelView } from './pages/model.js'
import type { ProblemView } from './pages/problem.js'
import type { ProjectView } from './pages/project.js'
import type { NewProjectView, StandaloneSettingsView } from './pages/standalone-settings.js'
import type { ProjectSettingsView } from './pages/project-settings.js'
import type { ResultsView } from './pages/results.js'
import type { ProjectsView } from './pages/projects.js'

/** Every page of `views/pages/` and what it is rendered from. */
export interface Pages {
  projects: ProjectsView
  project: ProjectView
  'project-settings': ProjectSettingsView
  history: HistoryView
  results: ResultsView
  model: ModelView
  'merge-request': MergeRequestView
  profile: ProfileView
  tokens: TokensView
  'new-token': NewTokenView
  'new-project': NewProjectView
  'standalone-settings': StandaloneSettingsView
  connect: ConnectView
  'connect-project': ConnectProjectView
  problem: ProblemView
}

export type PageName = keyof Pages

/** What every page has. */
export interface PageFrame {
  /** Before the site's name in the window's title; outside text is allowed. */
  title: string
  /** Where the page stands, from the outside in; the last is the page itself. */
  crumbs: Crumb[]
}

/** What the frame says of whoever looks at the page. */
export interface AccountFrame {
  /** Null where nobody is signed in. */
  viewer: { name: string; username: string } | null
  /** Leads back to the page; null where nobody can sign in. */
  signInHref: string | null
  profileHref: string
  tokensHref: string
  signOutHref: string
}

export interface Crumb {
  text: string
  /** Null for the page itself. */
  href: string | null
}

export interface HtmlSources {
  layout: string
  partials: Record<string, string>
  pages: Record<PageName, string>
}

/** What the layout links to. */
export interface Site {
  homeHref: string
  styleHref: string
  iconHref: string
}

export interface HtmlRenderer {
  /** `account` is null for a page that is for nobody in particular. */
  render<P extends PageName>(page: P, view: Pages[P] & PageFrame, account?: AccountFrame | null): string
}

/** Parses all templates now, so that rendering reads nothing and a broken template stops the start; their code is made
 * at the first use, which keeps the start short. Templates escape every value; a value that is missing is an error. */
export function createHtmlRenderer({ layout, partials, pages }: HtmlSources, site: Site): HtmlRenderer {
  const engine = Handlebars.create()
  engine.registerHelper(helpers)
  const options = {
    strict: true,
    preventIndent: true,
    knownHelpersOnly: true,
    knownHelpers: Object.fromEntries(Object.keys(helpers).map((name) => [name, true])),
  }
  const compile = (source: string) => engine.compile<Record<string, unknown>>(engine.parse(source), options)
  engine.registerPartial('layout', compile(layout))
  for (const [name, source] of Object.entries(partials)) engine.registerPartial(name, compile(source))
  const compiled = new Map(Object.entries(pages).map(([name, source]) => [name, compile(source)]))
  return {
    render(page, view, account = null) {
      const template = compiled.get(page)
      if (template === undefined) throw new Error(`There is no page ${page}`)
      return template({ ...view, site, account })
    },
  }
}

const SHORT = 60
const LONG = 200

const helpers = {
  /** Outside text on one line. What is cut from it stands in its title. */
  name: (text: string) => nameElement(text, SHORT),
  /** The same for headings, where there is room. */
  longName: (text: string) => nameElement(text, LONG),
  /** Outside text where no element may stand: attributes and the window's title. */
  plain: (text: string) => visibleText(text, LONG),
  time: (date: Date) => {
    const iso = `${date.toISOString().slice(0, 19)}Z`
    const shown = `${iso.slice(0, 10)}&nbsp;${iso.slice(11, 16)}`
    return new Handlebars.SafeString(`<time datetime="${iso}" title="${iso}">${shown}</time>`)
  },
}

/** `bdi` keeps letters that run from right to left from turning around what stands beside them. */
function nameElement(text: string, length: number): Handlebars.SafeString {
  const shown = visibleText(text, length)
  const whole = visibleText(text, LONG)
  const title = shown === whole ? '' : ` title="${Handlebars.escapeExpression(whole)}"`
  const words = shown.trim() === '' ? '(blank name)' : shown
  return new Handlebars.SafeString(`<bdi${title}>${Handlebars.escapeExpression(words)}</bdi>`)
}
