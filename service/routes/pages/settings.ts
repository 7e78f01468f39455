import type { Person } from '../../plugins/person-identity.js'
import { standaloneSettingsView } from '../../render/pages/standalone-settings.js'
import type { AnyProject } from '../../stores/project-store.js'
import { notFound, type PageContext, type RenderedPage } from './context.js'

/** For Maintainers.
 * @throws Problem ROLE_TOO_LOW */
export async function readSettingsPage(
  { anyAccess, addresses }: PageContext,
  { id, gitlabProjectId }: AnyProject,
  person: Person | null,
): Promise<RenderedPage> {
  if (person === null || gitlabProjectId !== null) throw notFound('There is no page at this address.')
  const { project, user } = await anyAccess.getAllowedStandalone(person, id, 'configure')
  const written = {}
  const view = standaloneSettingsView({ project, gitlabUserId: user.id, problem: null, written, addresses })
  return { page: 'standalone-settings', view }
}
