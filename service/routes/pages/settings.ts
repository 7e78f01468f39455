import { Problem } from '../../errors.js'
import type { AnyReader } from '../../plugins/any-project-access.js'
import { refusalOf } from '../../plugins/person-actions.js'
import { standaloneSettingsView } from '../../render/pages/standalone-settings.js'
import type { PageContext, RenderedPage } from './context.js'
import { readProjectSettings } from './project-settings.js'

/** For Maintainers.
 * @throws Problem SIGN_IN_NEEDED, ROLE_TOO_LOW */
export async function readSettingsPage(
  context: PageContext,
  { user, project, accessLevel }: AnyReader,
  query: URLSearchParams,
): Promise<RenderedPage> {
  if (user === null) throw new Problem('SIGN_IN_NEEDED', { message: 'Settings are for Maintainers.' })
  // Looking changes nothing: a token that may only read will do.
  const refusal = refusalOf({ scope: 'write' }, { user, project, accessLevel }, 'configure')
  if (refusal !== null) throw refusal
  if (project.gitlabProjectId !== null) return readProjectSettings(context, project, query)
  const facts = { project, gitlabUserId: user.id, problem: null, written: {} }
  const view = standaloneSettingsView({ ...facts, addresses: context.addresses })
  return { page: 'standalone-settings', view }
}
