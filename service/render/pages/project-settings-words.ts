/** What the audit log knows, in words. */
export const auditWords = {
  model_deleted: 'Model deleted',
  project_deleted: 'Project deleted',
  person_deleted: 'Data of a person deleted',
  project_disconnected: 'Disconnected',
  secrets_rotated: 'Secrets of the webhook changed',
  consent_dropped: 'Consent to post forgotten',
  own_bot_dropped: 'Own bot removed',
  fork_reports_allowed: 'Reports of forks allowed',
  fork_reports_refused: 'Reports of forks refused',
} as const

export type AuditedAction = keyof typeof auditWords

const good = (text: string) => ({ text, isBad: false })
const bad = (text: string) => ({ text, isBad: true })

/** What a form of the page did, by the word in the address. */
export const resultWords: ReadonlyMap<string, { text: string; isBad: boolean }> = new Map([
  ['delivered', good('The test delivery arrived.')],
  ['not-delivered', bad('The test delivery did not arrive: GitLab got no good answer from this service.')],
  ['registering', good('The webhook is being registered. Look again in a minute.')],
  ['rotated-secrets', good('The webhook has new secrets. Those before are good for one more hour.')],
  ['no-webhook', bad('The project has no webhook yet, so there are no secrets to change.')],
  ['not-allowed', bad('Nobody who speaks for the project here may look after its webhook in GitLab.')],
  ['unknown', bad('GitLab did not say whether it took the new secrets. The webhook is registered anew.')],
  ['consent-dropped', good('The consent to post is forgotten for this project.')],
  ['own-bot-dropped', good('The own bot is removed.')],
  [
    'own-bot-left',
    bad(
      'The own bot is forgotten here. Its token could not be revoked: do so in GitLab, under Settings, Access tokens.',
    ),
  ],
  ['saved', good('Saved.')],
  ['wrong-path', bad('The path that you typed is not that of the project. Nothing was done.')],
  ['disconnected', good('Disconnected. Nothing of this service is left in GitLab but its notes.')],
  [
    'left-webhook',
    bad('Disconnected. The webhook could not be removed: do so in GitLab, under Settings, Webhooks.'),
  ],
  [
    'left-token',
    bad(
      'Disconnected. The token of the own bot could not be revoked: do so in GitLab, under Settings, Access tokens.',
    ),
  ],
  [
    'left-both',
    bad(
      'Disconnected. The webhook and the token of the own bot could not be removed: do so in GitLab, under Settings.',
    ),
  ],
])
