import type { Addresses } from '../../domain/addresses.js'
import { browserName } from '../browser-name.js'
import type { PageFrame } from '../html.js'

/** What we keep of somebody's consent in GitLab. */
export interface AccessFacts {
  purpose: 'sign-in' | 'posting'
  grantedAt: Date
  scopes: readonly string[] | null
  /** How it stands, in words. */
  words: string
}

export interface ProfileInput {
  person: { name: string; username: string; gitlabUserId: number }
  gitlabUrl: string
  sessions: readonly ProfileSession[]
  /** The id of the session that asks. */
  currentId: string
  access: readonly AccessFacts[]
  /** Standalone projects that nobody else is a Maintainer of. */
  onlyMaintained: readonly { path: string }[]
  addresses: Addresses
}

interface ProfileSession {
  id: string
  userAgent: string
  createdAt: Date
  lastSeenAt: Date
  expiresAt: Date
}

export interface ProfileView extends PageFrame {
  name: string
  username: string
  gitlabHref: string
  sessions: {
    browser: string
    isCurrent: boolean
    createdAt: Date
    lastSeenAt: Date
    expiresAt: Date
    endHref: string
  }[]
  signOutEverywhereHref: string
  access: { purpose: string; grantedAt: Date; scopes: string; words: string }[]
  forgetHref: string
  tokensHref: string
  onlyMaintained: { text: string; href: string }[]
  deleteHref: string
}

const purposes = {
  'sign-in': 'To know who you are and what you may see',
  posting: 'To post for you in the projects you connected',
} as const

export function profileView(input: ProfileInput): ProfileView {
  const { person, addresses, currentId } = input
  return {
    title: 'Profile',
    crumbs: [
      { text: 'Projects', href: addresses.projects() },
      { text: 'Profile', href: null },
    ],
    name: person.name,
    username: person.username,
    gitlabHref: `${input.gitlabUrl}/${encodeURIComponent(person.username)}`,
    sessions: input.sessions.map(({ id, userAgent, createdAt, lastSeenAt, expiresAt }) => ({
      browser: browserName(userAgent),
      isCurrent: id === currentId,
      createdAt,
      lastSeenAt,
      expiresAt,
      endHref: addresses.endSession(id),
    })),
    signOutEverywhereHref: addresses.signOutEverywhere(),
    access: input.access.map(({ purpose, grantedAt, scopes, words }) => ({
      purpose: purposes[purpose],
      grantedAt,
      scopes: scopes?.join(' ') ?? 'not told by GitLab',
      words,
    })),
    forgetHref: addresses.forgetAccess(),
    tokensHref: addresses.tokens(),
    onlyMaintained: input.onlyMaintained.map(({ path }) => ({ text: path, href: addresses.settings(path) })),
    deleteHref: addresses.deletePerson(),
  }
}
