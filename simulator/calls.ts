export interface Call {
  method: string
  /** The pattern below `/api/v4`, for example `/projects/:id/merge_requests/:iid/notes`. */
  route: string
  /** What was asked for, below the relative path, with its query. */
  path: string
  /** The status that was sent; `null` when the connection was cut, or while the call is in progress. */
  status: number | null
  userId: number | null
  at: Date
  eventUuid: string | null
}

export interface CallLog {
  list: Call[]
  clear(): void
}

export function createCallLog(): CallLog {
  const list: Call[] = []
  return {
    list,
    clear() {
      list.length = 0
    },
  }
}
