import { ApiError } from '../errors.js'

const errors = {
  invalid_request: [
    400,
    'The request is missing a required parameter, includes an unsupported parameter value, or is otherwise malformed.',
  ],
  invalid_client: [
    401,
    'Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method.',
  ],
  invalid_grant: [
    400,
    'The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client.',
  ],
  unsupported_grant_type: [400, 'The authorization grant type is not supported by the authorization server.'],
  unsupported_response_type: [400, 'The authorization server does not support this response type.'],
  invalid_scope: [400, 'The requested scope is invalid, unknown, or malformed.'],
  invalid_redirect_uri: [
    400,
    "The requested redirect uri is malformed or doesn't match client redirect URI.",
  ],
  access_denied: [403, 'The resource owner or authorization server denied the request.'],
  unauthorized_client: [403, 'You are not authorized to revoke this token'],
} as const satisfies Record<string, readonly [number, string]>

export type OAuthErrorCode = keyof typeof errors

export function oauthDescription(code: OAuthErrorCode): string {
  return errors[code][1]
}

/** An answer of the token endpoint and its neighbours. */
export function oauthError(code: OAuthErrorCode): ApiError {
  const [status, description] = errors[code]
  const challenge = `Bearer realm="GitLab", error="${code}", error_description="${description}"`
  return new ApiError(
    status,
    { error: code, error_description: description },
    status === 401 ? { 'www-authenticate': challenge } : {},
  )
}
