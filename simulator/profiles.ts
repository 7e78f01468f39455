export type GitLabVersion = '16.0' | '17.4' | '18.4' | '19.0'

/** What differs between GitLab versions, see sections 3 to 5 of the contract. */
export interface Profile {
  version: string
  movedProjectRedirects: boolean
  /** Members of invited groups are not told, as before 17.4 of private groups. */
  hidesInvitedMembers: boolean
  commitMergeRequestState: boolean
  /** CI lint reads the configuration of any commit, not only of the default branch: since 16.5. */
  lintsCommits: boolean
  /** Whoever rotates a token may say when the new one ends: since 16.6. */
  rotatesUntil: boolean
  /** A project access token may rotate itself: since 17.9. */
  selfRotation: boolean
  hooks: {
    webhookUuid: boolean
    idempotencyKey: boolean
    signing: boolean
    names: boolean
    testEndpoint: boolean
    /** The log of deliveries, and sending one again. */
    events: boolean
    /** A refused address is told as `{"error":"Invalid url given"}`, as older code does. */
    plainUrlErrors: boolean
    disabling: 'client-errors-for-good' | 'after-forty'
  }
  claims: {
    configUri: boolean
    visibilityAndLevel: boolean
    jobProject: boolean
    jobSource: boolean
  }
}

const since190: Profile = {
  version: '19.0.1',
  movedProjectRedirects: true,
  hidesInvitedMembers: false,
  commitMergeRequestState: true,
  lintsCommits: true,
  rotatesUntil: true,
  selfRotation: true,
  hooks: {
    webhookUuid: true,
    idempotencyKey: true,
    signing: true,
    names: true,
    testEndpoint: true,
    events: true,
    plainUrlErrors: false,
    disabling: 'after-forty',
  },
  claims: { configUri: true, visibilityAndLevel: true, jobProject: true, jobSource: true },
}

const since184: Profile = {
  ...since190,
  version: '18.4.2',
  hooks: { ...since190.hooks, signing: false },
  claims: { ...since190.claims, jobSource: false },
}

const since174: Profile = {
  ...since184,
  version: '17.4.2',
  commitMergeRequestState: false,
  selfRotation: false,
  hooks: { ...since184.hooks, disabling: 'client-errors-for-good' },
  claims: { ...since184.claims, jobProject: false },
}

const since160: Profile = {
  ...since174,
  version: '16.0.8',
  movedProjectRedirects: false,
  hidesInvitedMembers: true,
  lintsCommits: false,
  rotatesUntil: false,
  hooks: {
    ...since174.hooks,
    webhookUuid: false,
    idempotencyKey: false,
    names: false,
    testEndpoint: false,
    events: false,
    plainUrlErrors: true,
  },
  claims: { configUri: false, visibilityAndLevel: false, jobProject: false, jobSource: false },
}

export const profiles: Record<GitLabVersion, Profile> = {
  '16.0': since160,
  '17.4': since174,
  '18.4': since184,
  '19.0': since190,
}
