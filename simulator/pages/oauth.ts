import type { Authorization } from '../oauth/authorization.js'
import { signInRefusal } from '../oauth/authorization.js'
import type { User } from '../state.js'
import type { World } from '../world.js'
import { html, type Html } from './html.js'
import type { Page } from './layout.js'

/** `returnTo` is where the browser goes after signing in, a path of this instance. */
export function signInPage(world: World, returnTo: string, refusal: string | null): Page {
  const people = [...world.state.users.values()].filter((user) => !user.bot)
  const body = html`
    <h1 class="title">Sign in as</h1>
    ${refusal === null ? '' : html`<p class="refusal" role="alert">${refusal}</p>`}
    <table class="list">
      ${people.map((user) => personRow(world, user, returnTo))}
    </table>
  `
  return { title: 'Sign in', body }
}

function personRow(world: World, user: User, returnTo: string): Html {
  const blocked = signInRefusal(world, user) !== null
  return html`<tr>
    <td>
      <form method="post" action="${world.url}/users/sign_in">
        <input type="hidden" name="user_id" value="${user.id}" />
        <input type="hidden" name="return_to" value="${returnTo}" />
        <button name="username" value="${user.username}">${user.name}</button>
      </form>
    </td>
    <td>@${user.username}</td>
    <td>${traits(user, blocked).join(', ')}</td>
  </tr>`
}

function traits(user: User, blocked: boolean): string[] {
  return [
    ...(user.admin ? ['administrator'] : []),
    ...(user.external ? ['external'] : []),
    ...(blocked ? ['blocked'] : []),
    ...(user.state === 'deactivated' ? ['deactivated, active again after signing in'] : []),
    ...(user.passwordExpired ? ['password expired, renewed by signing in'] : []),
  ]
}

export function homePage(world: World, user: User): Page {
  const body = html`
    <h1 class="title">Signed in as ${user.name}</h1>
    <form method="post" action="${world.url}/users/sign_out"><button>Sign out</button></form>
  `
  return { title: user.name, body }
}

const meanings: Record<string, string> = {
  api: 'Read and write everything that you may read and write',
  read_api: 'Read everything that you may read',
  read_user: 'Read your profile and those of others',
  openid: 'Know who you are',
  profile: 'Read your profile',
  email: 'Read your primary e-mail address',
  read_repository: 'Read repositories',
  write_repository: 'Read and write repositories',
}

/** Asks for consent; the two buttons send the whole request again. */
export function consentPage(world: World, asked: Authorization, user: User, query: URLSearchParams): Page {
  const fields = [...query].filter(([name]) => name !== 'decision')
  const body = html`
    <h1 class="title">Authorize ${asked.application.name} to use your account?</h1>
    <div class="facts">Signed in as ${user.name}, @${user.username}</div>
    <ul>
      ${asked.scopes.map((scope) => html`<li><code>${scope}</code> ${meanings[scope] ?? ''}</li>`)}
    </ul>
    <p>Afterwards the browser goes to <code>${asked.redirectUri}</code></p>
    <form method="post" action="${world.url}/oauth/authorize">
      ${fields.map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
      <button name="decision" value="authorize">Authorize</button>
      <button name="decision" value="deny">Deny</button>
    </form>
  `
  return { title: 'Authorize', body }
}

export function oauthErrorPage(code: string, description: string): Page {
  const body = html`
    <h1 class="title">An error has occurred</h1>
    <p role="alert"><code>${code}</code> ${description}</p>
  `
  return { title: 'Error', body }
}
