import type { Addresses } from '../../domain/addresses.js'
import type { StandaloneMember } from '../../domain/standalone.js'
import type { PageFrame } from '../html.js'

/** What somebody wrote into the form of a new project. */
export interface NewProjectForm {
  name: string
  description: string
}

export interface FieldProblem<Field extends string> {
  at: Field
  message: string
}

export interface NewProjectView extends PageFrame {
  form: NewProjectForm
  /** What the path starts with. */
  before: string
  nameProblem: string | null
  descriptionProblem: string | null
  createHref: string
}

export function newProjectView({
  username,
  form,
  problem,
  addresses,
}: {
  username: string
  form: NewProjectForm
  problem: FieldProblem<'name' | 'description'> | null
  addresses: Addresses
}): NewProjectView {
  return {
    title: 'New standalone project',
    crumbs: [
      { text: 'Projects', href: addresses.projects() },
      { text: 'New standalone project', href: null },
    ],
    form,
    before: `~${username}/`,
    nameProblem: problemAt(problem, 'name'),
    descriptionProblem: problemAt(problem, 'description'),
    createHref: addresses.newProject(),
  }
}

export type SettingsForm = 'member' | 'members' | 'description' | 'delete'

export interface StandaloneSettingsInput {
  project: { id: string; path: string; description: string; members: readonly StandaloneMember[] }
  /** Who looks. */
  gitlabUserId: number
  problem: FieldProblem<SettingsForm> | null
  /** What was written into the form that the problem is about. */
  written: { username?: string; accessLevel?: number; description?: string }
  addresses: Addresses
}

export interface StandaloneSettingsView extends PageFrame {
  path: string
  members: MemberView[]
  roles: RoleView[]
  username: string
  description: string
  memberProblem: string | null
  membersProblem: string | null
  descriptionProblem: string | null
  deleteProblem: string | null
  addHref: string
  describeHref: string
  deleteHref: string
}

interface MemberView {
  username: string
  isViewer: boolean
  roles: RoleView[]
  changeHref: string
  removeHref: string
}

interface RoleView {
  level: number
  label: string
  isChosen: boolean
}

const roles = [
  { level: 20, label: 'Reporter: reads' },
  { level: 30, label: 'Developer: reports, too' },
  { level: 40, label: 'Maintainer: changes and deletes, too' },
]

export function standaloneSettingsView(input: StandaloneSettingsInput): StandaloneSettingsView {
  const { project, gitlabUserId, problem, written, addresses } = input
  const { id, path } = project
  return {
    title: `Settings · ${path}`,
    crumbs: [
      { text: 'Projects', href: addresses.projects() },
      { text: path, href: addresses.project(path) },
      { text: 'Settings', href: null },
    ],
    path,
    members: project.members.map((member) => ({
      username: member.username,
      isViewer: member.gitlabUserId === gitlabUserId,
      roles: rolesWith(member.accessLevel),
      changeHref: addresses.settingsForm(id, `members/${member.gitlabUserId}`),
      removeHref: addresses.settingsForm(id, `members/${member.gitlabUserId}/remove`),
    })),
    roles: rolesWith(written.accessLevel ?? 30),
    username: written.username ?? '',
    description: written.description ?? project.description,
    memberProblem: problemAt(problem, 'member'),
    membersProblem: problemAt(problem, 'members'),
    descriptionProblem: problemAt(problem, 'description'),
    deleteProblem: problemAt(problem, 'delete'),
    addHref: addresses.settingsForm(id, 'members'),
    describeHref: addresses.settingsForm(id, 'description'),
    deleteHref: addresses.settingsForm(id, 'delete'),
  }
}

function rolesWith(chosen: number): RoleView[] {
  return roles.map((role) => ({ ...role, isChosen: role.level === chosen }))
}

function problemAt<Field extends string>(problem: FieldProblem<Field> | null, at: Field): string | null {
  return problem?.at === at ? problem.message : null
}
