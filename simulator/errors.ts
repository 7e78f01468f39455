/** An answer of the API that is not a success: `body` is an object (JSON) or a string (plain text). */
export class ApiError extends Error {
  readonly status: number
  readonly body: unknown
  readonly headers: Record<string, string>

  constructor(status: number, body: unknown, headers: Record<string, string> = {}) {
    super(`GitLab simulator answers ${status}`)
    this.status = status
    this.body = body
    this.headers = headers
  }
}

export function messageError(status: number, message: unknown): ApiError {
  return new ApiError(status, { message })
}

/** The shape of GitLab's parameter validation. */
export function parameterError(error: string): ApiError {
  return new ApiError(400, { error })
}

export function notFound(what?: string): ApiError {
  return messageError(404, what === undefined ? '404 Not found' : `404 ${what} Not Found`)
}

export function forbidden(reason?: string): ApiError {
  return messageError(403, reason === undefined ? '403 Forbidden' : `403 Forbidden - ${reason}`)
}

export function unauthorized(): ApiError {
  return messageError(401, '401 Unauthorized')
}

/** A mistake of the test that uses the simulator, not an answer of GitLab. */
export function unknownId(kind: string, id: unknown): Error {
  return new Error(`The simulator has no ${kind} ${String(id)}.`)
}

/** GitLab's own limits: JSON, and no headers that say when to come back. */
export function requestLimit(): ApiError {
  return messageError(429, { error: 'This endpoint has been requested too many times. Try again later.' })
}
