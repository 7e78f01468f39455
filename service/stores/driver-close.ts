import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'

interface DriverConnection {
  closed: boolean
  socket: EventEmitter
  cleanup(error: Error): void
}

const require = createRequire(import.meta.url)
let isDone = false

/** The driver (7.9) waits forever for `drain` where it writes to a socket that has ended and has not told so yet, and
 * the connection is lost to its pool. After this call, what closes a connection ends that wait with the driver's own
 * error, which it knows how to repeat. Once per process; it reaches into the driver, whose version is pinned for it. */
export function endWaitsOfClosedConnections(): void {
  if (isDone) return
  isDone = true
  const { Connection } = require('mongodb/lib/cmap/connection.js') as {
    Connection: { prototype: DriverConnection }
  }
  const { cleanup } = Connection.prototype
  Connection.prototype.cleanup = function cleanUpAndTell(this: DriverConnection, error: Error): void {
    const isFirst = !this.closed
    cleanup.call(this, error)
    if (isFirst && this.socket.listenerCount('drain') > 0) this.socket.emit('error', error)
  }
}
