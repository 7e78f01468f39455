import type { Addresses } from '../../domain/addresses.js'
import type { PageFrame } from '../html.js'
import type { Link } from './common.js'

export interface ConnectView extends PageFrame {
  projects: { path: string; href: string; isConnected: boolean }[]
  search: string
  searchHref: string
  isFirstPage: boolean
  firstHref: string
  nextHref: string | null
}

export interface ConnectInput {
  projects: readonly { gitlabProjectId: number; path: string; isConnected: boolean }[]
  search: string
  page: number
  hasNextPage: boolean
  addresses: Addresses
}

export function connectView({ projects, search, page, hasNextPage, addresses }: ConnectInput): ConnectView {
  return {
    title: 'Connect a project',
    crumbs: [
      { text: 'Projects', href: addresses.projects() },
      { text: 'Connect a project', href: null },
    ],
    projects: projects.map(({ gitlabProjectId, path, isConnected }) => ({
      path,
      href: isConnected ? addresses.project(path) : addresses.connectProject(gitlabProjectId),
      isConnected,
    })),
    search,
    searchHref: addresses.connect(),
    isFirstPage: page === 1,
    firstHref: addresses.connect(search),
    nextHref: hasNextPage ? addresses.connect(search, page + 1) : null,
  }
}

type SpeakerKind = 'project-bot' | 'instance-bot' | 'maintainer'

/** What is known of a project that is to be connected, or is. */
export interface ConnectProjectInput {
  gitlabProjectId: number
  path: string
  isArchived: boolean
  /** Null where it is not connected. */
  connected: ConnectedInput | null
  /** Of the instance; null where it has none. */
  bot: { username: string; canPost: boolean } | null
  /** Whether GitLab has been asked already to let this service post for whoever looks. */
  hasPostingGrant: boolean
  standalone: readonly { id: string; path: string }[]
  ciEditorHref: string | null
  /** With the host, for the lines to paste. */
  publicUrl: string
  addresses: Addresses
}

export interface ConnectedInput {
  rungs: readonly { kind: SpeakerKind; username: string | null; reason: string | null }[]
  hook: { state: 'pending' | 'registered' | 'not_allowed' | 'refused'; refusal: string | null }
  /** GitLab's word on the webhook; null where it was not asked yet. */
  alertStatus: string | null
  lastDeliveryAt: Date | null
}

export interface ConnectProjectView extends PageFrame {
  path: string
  isArchived: boolean
  isConnected: boolean
  poster: PosterView
  /** Null where it is not connected. */
  hook: HookView | null
  letPost: LetPostView
  standalone: { id: string; path: string }[]
  connectHref: string
  projectHref: string
  /** Of this page. */
  href: string
  ciEditorHref: string | null
  serviceUrl: string
}

interface PosterView {
  /** Before the name of who posts. */
  words: string
  username: string | null
  /** What is to be done; empty where somebody posts. */
  todo: string
  /** Why others do not. */
  problems: { username: string; words: string }[]
}

interface HookView {
  /** Before the time of the last delivery. */
  words: string
  deliveredAt: Date | null
  isProblem: boolean
  /** GitLab's own words. */
  said: string | null
  /** What an administrator adds to the allowlist. */
  allowlistEntry: string | null
  canTryAgain: boolean
  isWaiting: boolean
}

interface LetPostView {
  /** Whether it is worth asking for: not where the project has a bot of its own. */
  isOffered: boolean
  hasGrant: boolean
  /** To GitLab and back. */
  allow: Link
}

export function connectProjectView(input: ConnectProjectInput): ConnectProjectView {
  const { gitlabProjectId, path, connected, addresses, publicUrl } = input
  const href = addresses.connectProject(gitlabProjectId)
  return {
    title: `Connect ${path}`,
    crumbs: [
      { text: 'Projects', href: addresses.projects() },
      { text: 'Connect a project', href: addresses.connect() },
      { text: path, href: null },
    ],
    path,
    isArchived: input.isArchived,
    isConnected: connected !== null,
    poster: connected === null ? posterBefore(input) : posterOf(connected, input.bot),
    hook: connected && hookOf(connected, publicUrl),
    letPost: {
      isOffered: !connected?.rungs.some(({ kind, reason }) => kind === 'project-bot' && reason === null),
      hasGrant: input.hasPostingGrant,
      allow: { text: 'Allow posting in GitLab', href: addresses.allowPosting(href) },
    },
    standalone: [...input.standalone],
    connectHref: href,
    projectHref: addresses.project(path),
    href,
    ciEditorHref: input.ciEditorHref,
    serviceUrl: publicUrl,
  }
}

function posterBefore({ bot }: ConnectProjectInput): PosterView {
  if (bot?.canPost)
    return { words: 'Notes will be written by', username: bot.username, todo: '', problems: [] }
  return {
    words: 'Nobody can write notes in this project yet.',
    username: null,
    todo: todoFor(bot),
    problems: [],
  }
}

const speakerWords: Record<SpeakerKind, string> = {
  'project-bot': "Notes are written by the project's own bot,",
  'instance-bot': 'Notes are written by',
  maintainer: 'Notes are written in the name of a maintainer who allowed it,',
}

function posterOf({ rungs }: ConnectedInput, bot: ConnectProjectInput['bot']): PosterView {
  const speaker = rungs.find(({ reason }) => reason === null)
  const before = speaker === undefined ? rungs : rungs.slice(0, rungs.indexOf(speaker))
  const problems = before.map(({ username, reason }) => ({
    username: username ?? 'unknown',
    words: reasonWords[reason ?? ''] ?? 'cannot post',
  }))
  if (speaker === undefined) {
    return { words: 'Nobody can write notes in this project.', username: null, todo: todoFor(bot), problems }
  }
  return { words: speakerWords[speaker.kind], username: speaker.username, todo: '', problems }
}

const reasonWords: Record<string, string> = {
  expired: 'cannot post: the token has expired',
  refused: 'cannot post: GitLab refuses the token',
  unreadable: 'cannot post: the token cannot be read any more',
  role_too_low: 'cannot post: the role in this project is too low',
  no_grant: 'cannot post: the consent was withdrawn or has ended',
}

function todoFor(bot: ConnectProjectInput['bot']): string {
  const allow = 'Let mlmm post for this project below'
  return bot === null ? `${allow}.` : `${allow}, or invite @${bot.username} to the project as Developer.`
}

const nothing = {
  deliveredAt: null,
  isProblem: false,
  said: null,
  allowlistEntry: null,
  canTryAgain: false,
  isWaiting: false,
}

function hookOf(connected: ConnectedInput, publicUrl: string): HookView {
  const { hook, alertStatus, lastDeliveryAt } = connected
  switch (hook.state) {
    case 'registered':
      return registeredHook(alertStatus, lastDeliveryAt)
    case 'pending':
      return { ...nothing, words: 'The webhook is being registered.', isWaiting: true, canTryAgain: true }
    case 'not_allowed':
      return {
        ...nothing,
        words:
          'There is no webhook: GitLab lets Maintainers register one, and none of those who may speak for the project is one. Pipelines are polled instead, so notes come some seconds later.',
        canTryAgain: true,
      }
    case 'refused':
      return { ...nothing, ...refusedHook(hook.refusal ?? '', publicUrl), isProblem: true, canTryAgain: true }
  }
}

function registeredHook(alertStatus: string | null, deliveredAt: Date | null): HookView {
  if (alertStatus !== null && alertStatus !== 'executable') {
    const words = 'GitLab has disabled the webhook after failed deliveries; it is tested every few minutes.'
    return { ...nothing, words, isProblem: true, isWaiting: true }
  }
  if (deliveredAt !== null)
    return { ...nothing, words: 'The webhook works. A delivery was received at', deliveredAt }
  const words =
    'The webhook is registered, and nothing has come through it yet. The first push, merge request or pipeline will prove it.'
  return { ...nothing, words, isWaiting: true }
}

function refusedHook(said: string, publicUrl: string) {
  if (/maximum number/i.test(said)) {
    return { words: 'The project has as many webhooks as GitLab allows. Remove one, then try again.', said }
  }
  return {
    words:
      'GitLab refused the address of the webhook, most likely because it sends nothing to the local network. An administrator of GitLab can allow it: Admin area, Settings, Network, Outbound requests, with this entry in the allowlist:',
    said,
    allowlistEntry: new URL(publicUrl).host,
  }
}
