import type { Addresses } from '../../domain/addresses.js'
import type { GitLabAddresses } from '../../domain/gitlab-addresses.js'
import type { PageFrame } from '../html.js'
import { auditWords, type AuditedAction, resultWords } from './project-settings-words.js'
import { type HookFacts, type WebhookView, webhookView } from './webhook.js'

type SpeakerKind = 'project-bot' | 'instance-bot' | 'maintainer'
type Reason = 'expired' | 'refused' | 'unreadable' | 'role_too_low' | 'no_grant'

export interface ProjectSettingsInput {
  project: SettingsProject
  /** Those who might post, the best first; null where GitLab could not be asked. */
  rungs: readonly SettingsRung[] | null
  /** The newest first. */
  audit: readonly AuditedAct[]
  /** Of the address: what a form did. */
  result: string | null
  serviceUrl: string
  addresses: Addresses
  gitlab: GitLabAddresses | null
}

interface SettingsProject {
  id: string
  gitlabProjectId: number
  path: string
  connectedAt: Date
  archived?: boolean
  missingSince?: Date | null
  orphanedAt?: Date | null
  disconnectedAt?: Date | null
  hook: HookFacts
  forkReports?: 'refused' | 'allowed'
  ownBot?: { expiresAt: Date } | null
  poster?: { kind: SpeakerKind | null; username: string | null } | null
}

interface SettingsRung {
  kind: SpeakerKind
  user: { username: string } | null
  reason: Reason | null
}

interface AuditedAct {
  action: AuditedAction
  at: Date
  subject: string
  by: { username: string } | null
}

export interface ProjectSettingsView extends PageFrame {
  path: string
  projectHref: string
  result: { text: string; isBad: boolean } | null
  connectedAt: Date
  disconnectedAt: Date | null
  /** Marks that GitLab gave the project. */
  marks: string[]
  speakers: SpeakerView[]
  /** Null where it is known who posts. */
  speakersProblem: string | null
  connectHref: string
  webhook: WebhookView
  serviceUrl: string
  areForksAllowed: boolean
  audit: { at: Date; words: string; subject: string; by: string | null }[]
  forms: Record<'test' | 'rotate' | 'poster' | 'forks' | 'disconnect' | 'delete', string>
}

interface SpeakerView {
  who: string
  username: string | null
  posts: boolean
  words: string
  expiresAt: Date | null
  /** What to send to have it forgotten; null for the instance's bot. */
  drop: string | null
}

export function projectSettingsView(input: ProjectSettingsInput): ProjectSettingsView {
  const { project, addresses } = input
  const { id, path } = project
  const form = (name: string) => addresses.settingsForm(id, name)
  return {
    title: `Settings of ${path}`,
    crumbs: [
      { text: 'Projects', href: addresses.projects() },
      { text: path, href: addresses.project(path) },
      { text: 'Settings', href: null },
    ],
    path,
    projectHref: addresses.project(path),
    result: resultWords.get(input.result ?? '') ?? null,
    connectedAt: project.connectedAt,
    disconnectedAt: project.disconnectedAt ?? null,
    marks: marksOf(project),
    speakers: speakersOf(input),
    speakersProblem: speakersProblem(input),
    connectHref: addresses.connectProject(project.gitlabProjectId),
    webhook: webhookView(project.hook),
    serviceUrl: input.serviceUrl,
    areForksAllowed: project.forkReports === 'allowed',
    audit: input.audit.map(({ action, at, subject, by }) => ({
      at,
      words: auditWords[action],
      subject: subject === path ? '' : subject,
      by: by?.username ?? null,
    })),
    forms: {
      test: form('test-delivery'),
      rotate: form('rotate-secrets'),
      poster: form('poster'),
      forks: form('fork-reports'),
      disconnect: form('disconnect'),
      delete: form('delete'),
    },
  }
}

function marksOf({ archived, missingSince, orphanedAt }: SettingsProject): string[] {
  if (orphanedAt) return ['It was deleted in GitLab. Its results are kept, for administrators alone.']
  return [
    ...(archived ? ['It is archived in GitLab, so nothing can be posted there.'] : []),
    ...(missingSince ? ['GitLab does not show it to whoever speaks for it here.'] : []),
  ]
}

const kinds: Record<SpeakerKind, { who: string; drop: string | null }> = {
  'project-bot': { who: "The project's own bot", drop: 'own-bot' },
  'instance-bot': { who: 'The bot of this service', drop: null },
  maintainer: { who: 'A Maintainer who agreed to it', drop: 'consent' },
}

function speakersOf({ rungs, project }: ProjectSettingsInput): SpeakerView[] {
  const posting = rungs?.find(({ reason }) => reason === null)
  return (rungs ?? []).map((rung) => ({
    ...kinds[rung.kind],
    username: rung.user?.username ?? null,
    posts: rung === posting,
    words: rung.reason === null ? (rung === posting ? 'posts' : 'could post') : reasonWords(rung),
    expiresAt: rung.kind === 'project-bot' ? (project.ownBot?.expiresAt ?? null) : null,
  }))
}

function reasonWords({ kind, reason }: SettingsRung): string {
  switch (reason) {
    case 'expired':
      return 'its token has ended: give the project a new bot'
    case 'unreadable':
      return 'its token was encrypted with a key that is gone: give the project a new bot'
    case 'no_grant':
      return 'the consent was withdrawn or has ended in GitLab: agree again'
    case 'role_too_low':
      return kind === 'maintainer' ? 'is no Maintainer of the project' : 'is no Developer of the project'
    default:
      return 'GitLab refuses its token'
  }
}

function speakersProblem({ rungs, project }: ProjectSettingsInput): string | null {
  if (project.disconnectedAt) return 'Nobody, as the project is disconnected.'
  if (rungs === null) {
    const last = project.poster?.username ?? null
    const known = last === null ? '' : ` Last time it was @${last}.`
    return `GitLab cannot be asked at the moment.${known}`
  }
  if (rungs.some(({ reason }) => reason === null)) return null
  return 'Nobody posts: reports are stored and compared, but merge requests get no note.'
}
