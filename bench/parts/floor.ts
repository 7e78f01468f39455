import type { FloorRequest } from '../children/floor.js'
import { startChild } from './child.js'
import type { World } from './world.js'

/** Starts a floor, see children/floor.ts, and answers with its port. */
export function startFloor(
  { build, simulator, service, onClose }: World,
  mongodbUrl: string | null = null,
): Promise<number> {
  const floor = startChild<FloorRequest, number>(build.path('bench/children/floor'))
  onClose(floor.stop)
  return floor.ask({
    issuer: simulator.url,
    jwksUrl: `${simulator.url}/oauth/discovery/keys`,
    audience: service.url,
    mongodbUrl,
  })
}
