import type { AnyReader } from '../../plugins/any-project-access.js'
import { refusalOf } from '../../plugins/person-actions.js'
import { standaloneSettingsView } from '../../render/pages/standalone-settings.js'
import { notFound, type PageContext, type RenderedPage } from './context.js'

/** For Maintainers.
 * @throws Problem ROLE_TOO_LOW */
export async function readSettingsPage(
  { addresses }: PageContext,
  { user, project, accessLevel }: AnyReader,
): Promise<RenderedPage> {
  if (user === null || project.gitlabProjectId !== null) throw notFound('There is no page at this address.')
  // Looking changes nothing: a token that may only read will do.
  const refusal = refusalOf({ scope: 'write' }, { user, project, accessLevel }, 'configure')
  if (refusal !== null) throw refusal
  const written = {}
  const view = standaloneSettingsView({ project, gitlabUserId: user.id, problem: null, written, addresses })
  return { page: 'standalone-settings', view }
}
