import type { Addresses } from '../../domain/addresses.js'
import type { PageFrame } from '../html.js'

/** A personal token as its owner sees it. */
export interface ListedToken {
  id: string
  description: string
  scope: 'read' | 'write'
  /** Null: all that the person may see. */
  projectPaths: readonly string[] | null
  createdAt: Date
  expiresAt: Date
  lastUsedAt: Date | null
}

/** What somebody wrote into the form. */
export interface TokenForm {
  description: string
  scope: string
  projects: string
  days: string
}

export interface TokensInput {
  tokens: readonly ListedToken[]
  now: Date
  form: TokenForm
  /** Names this one form among all. */
  formKey: string
  /** What is wrong with the form; null where nothing. */
  problem: string | null
  addresses: Addresses
}

export interface TokensView extends PageFrame {
  tokens: {
    description: string
    scope: string
    projects: string[]
    createdAt: Date
    expiresAt: Date
    isExpired: boolean
    lastUsedAt: Date | null
    revokeHref: string
  }[]
  problem: string | null
  form: { description: string; isWrite: boolean; projects: string; days: string; key: string }
  createHref: string
}

export interface NewTokenView extends PageFrame {
  token: string
  description: string
  scope: string
  projects: string[]
  expiresAt: Date
  tokensHref: string
}

const scopes = { read: 'read', write: 'read and write' } as const

/** The form before anybody wrote into it. */
export const emptyTokenForm: TokenForm = { description: '', scope: 'read', projects: '', days: '90' }

export function tokensView({ tokens, now, form, formKey, problem, addresses }: TokensInput): TokensView {
  return {
    title: 'Tokens',
    crumbs: [...outer(addresses), { text: 'Tokens', href: null }],
    tokens: tokens.map((token) => ({
      description: token.description === '' ? 'made by npm run token' : token.description,
      scope: scopes[token.scope],
      projects: [...(token.projectPaths ?? [])],
      createdAt: token.createdAt,
      expiresAt: token.expiresAt,
      isExpired: token.expiresAt <= now,
      lastUsedAt: token.lastUsedAt,
      revokeHref: addresses.revokeToken(token.id),
    })),
    problem,
    form: { ...form, isWrite: form.scope === 'write', key: formKey },
    createHref: addresses.tokens(),
  }
}

export function newTokenView(text: string, token: ListedToken, addresses: Addresses): NewTokenView {
  return {
    title: 'New token',
    crumbs: [
      ...outer(addresses),
      { text: 'Tokens', href: addresses.tokens() },
      { text: 'New token', href: null },
    ],
    token: text,
    description: token.description,
    scope: scopes[token.scope],
    projects: [...(token.projectPaths ?? [])],
    expiresAt: token.expiresAt,
    tokensHref: addresses.tokens(),
  }
}

function outer(addresses: Addresses) {
  return [
    { text: 'Projects', href: addresses.projects() },
    { text: 'Profile', href: addresses.profile() },
  ]
}
