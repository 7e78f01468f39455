import {
  createHmac,
  createPublicKey,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  sign,
} from 'node:crypto'
import { createKeys } from '../../../simulator/keys.js'
import { sessionKey, signToken } from '../support/sign-in.js'
import type { World } from './world.js'

type Claims = Record<string, unknown>
/** What it is, and the header `Authorization`. */
export type Forgery = [name: string, authorization: string]

export interface ForgeryTools {
  world: World
  jobId: number
  /** What a server of the forger's serves its key at. */
  keyUrl: string
  /** Of GitLab's published keys: that of CI and that of OpenID. */
  published: { ci: JsonWebKey & { kid: string }; openid: JsonWebKey & { kid: string } }
}

const forger = generateKeyPairSync('rsa', { modulusLength: 2048 })
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const edwards = generateKeyPairSync('ed25519')

export function forgeTokens(tools: ForgeryTools): Forgery[] {
  const good = tools.world.idToken(tools.jobId)
  const tokens = [
    ...otherAlgorithms(tools, good),
    ...otherKeys(tools, good),
    ...tampered(tools, good),
    ...wrongClaims(tools),
    ...wrongTokens(tools, good),
  ]
  return [
    ...tokens.map(([name, token]): Forgery => [name, `Bearer ${token}`]),
    ['two tokens', `Bearer ${good}, Bearer ${good}`],
    ['a token after a blank too many', `Bearer ${good} ${good}`],
    ['a token without Bearer', good],
    ['a token as a password', `Basic ${Buffer.from(`gitlab-ci-token:${good}`).toString('base64')}`],
    ['a token called JWT', `JWT ${good}`],
    ['a token of 33 kB', `Bearer ${good}${'A'.repeat(32_768)}`],
  ]
}

function otherAlgorithms({ published: { ci } }: ForgeryTools, good: string): Forgery[] {
  const claims = claimsOf(good)
  const pem = createPublicKey({ key: ci, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
  const der = createPublicKey({ key: ci, format: 'jwk' }).export({ type: 'spki', format: 'der' })
  const unsigned = ['none', 'None', 'NONE', 'nOnE', '', null, ['RS256'], undefined].map((alg): Forgery => {
    return [`alg ${JSON.stringify(alg)}`, `${content({ alg, kid: ci.kid }, claims)}.`]
  })
  const secrets: [string, string | Buffer][] = [
    ['the public key', pem],
    ['the public key in DER', der],
    ['the public key as JSON', JSON.stringify(ci)],
    ['its modulus', ci.n ?? ''],
    ['nothing', ''],
  ]
  const symmetric = secrets.flatMap(([name, secret]) =>
    ['HS256', 'RS256'].map((alg): Forgery => {
      return [`an HMAC with ${name}, called ${alg}`, hmac({ alg, kid: ci.kid }, claims, secret)]
    }),
  )
  const others: [string, KeyObject, string][] = [
    ['RS384', forger.privateKey, 'sha384'],
    ['RS512', forger.privateKey, 'sha512'],
    ['PS256', forger.privateKey, 'sha256'],
    ['rs256', forger.privateKey, 'sha256'],
    ['ES256', curve.privateKey, 'sha256'],
    ['EdDSA', edwards.privateKey, ''],
  ]
  return [
    ...unsigned,
    ...symmetric,
    ['HS512 with the public key', hmac({ alg: 'HS512', kid: ci.kid }, claims, pem, 'sha512')],
    ...others.map(([alg, key, hash]): Forgery => [alg, signed({ alg, kid: ci.kid }, claims, key, hash)]),
  ]
}

function otherKeys(
  { world, jobId, keyUrl, published: { ci, openid } }: ForgeryTools,
  good: string,
): Forgery[] {
  const claims = claimsOf(good)
  const jwk = forger.publicKey.export({ format: 'jwk' })
  const kids = ['', 'mine', '../../../dev/null', "' OR 1=1", '__proto__', 'constructor', 'k'.repeat(5000)]
  const strange = [undefined, null, 7, [ci.kid], { kid: ci.kid }]
  const headers: [string, object][] = [
    ['an embedded key', { jwk }],
    ['an embedded key of its own name', { jwk: { ...jwk, kid: 'mine' }, kid: 'mine' }],
    ['a key address', { jku: keyUrl }],
    ['a key address and a name', { jku: keyUrl, kid: 'mine' }],
    ['a certificate address', { x5u: keyUrl }],
    ['a certificate', { x5c: [jwk.n] }],
    ['a critical extension', { crit: ['b64'], b64: false }],
    ['a compressed payload', { zip: 'DEF' }],
    ['an encryption', { enc: 'A256GCM' }],
  ]
  return [
    ...[...kids, ...strange].map((kid): Forgery => {
      return [`a key of the forger's as ${JSON.stringify(kid)?.slice(0, 40)}`, rs256({ kid }, claims)]
    }),
    [
      "the forger's key under the name of GitLab's",
      world.service.simulator.idToken({ ...request(world, jobId), key: 'foreign' }),
    ],
    [
      'the name of the other key',
      world.service.simulator.idToken({ ...request(world, jobId), kid: openid.kid }),
    ],
    ...headers.map(([name, header]): Forgery => [name, rs256({ kid: ci.kid, ...header }, claims)]),
  ]
}

function tampered({ world }: ForgeryTools, good: string): Forgery[] {
  const [header = '', payload = '', signature = ''] = good.split('.')
  const claims = claimsOf(good)
  const other = world.idToken(world.startJob('open')).split('.')
  const projectId = String(world.projects.open.gitlab?.id)
  const changes: Claims[] = [
    { project_id: projectId },
    { project_id: projectId, job_project_id: projectId },
    { sha: 'f'.repeat(40) },
    { ref: 'main2' },
    { exp: Number(claims.exp) + 1 },
    { pipeline_id: '1' },
  ]
  return [
    ...changes.map((change): Forgery => {
      return [
        `changed ${Object.keys(change).join()}`,
        `${header}.${encoded({ ...claims, ...change })}.${signature}`,
      ]
    }),
    ['the signature of another token', `${header}.${payload}.${other[2]}`],
    ['the payload of another token', `${header}.${other[1]}.${signature}`],
    ['no signature', `${header}.${payload}.`],
    ['no third part', `${header}.${payload}`],
    ['a fourth part', `${good}.${signature}`],
    ['half a signature', `${header}.${payload}.${signature.slice(0, 170)}`],
    ['a signature of noughts', `${header}.${payload}.${'A'.repeat(signature.length)}`],
    [
      'a blank in the payload',
      `${header}.${Buffer.from(` ${JSON.stringify(claims)}`).toString('base64url')}.${signature}`,
    ],
    ['no header', `.${payload}.${signature}`],
    ['a header that is no JSON', `${Buffer.from('{').toString('base64url')}.${payload}.${signature}`],
    ['a payload that is a list', `${header}.${encoded([claims])}.${signature}`],
    ['parts in another order', `${payload}.${header}.${signature}`],
  ]
}

function wrongClaims({ world, jobId }: ForgeryTools): Forgery[] {
  const { url, simulator } = world.service
  const iss = simulator.url
  const seconds = Math.floor(Date.now() / 1000)
  const values: Record<string, unknown[]> = {
    iss: [
      `${iss}/`,
      iss.toUpperCase(),
      iss.replace('http:', 'https:'),
      `${iss}0`,
      `${iss}.evil.example`,
      [iss],
      '',
      null,
      undefined,
    ],
    aud: [
      iss,
      `${url}/`,
      `${url}x`,
      url.slice(0, -1),
      url.toUpperCase(),
      url.replace('http:', 'https:'),
      [url, 'https://vault.example.com'],
      [url, url],
      [[url]],
      [],
      { 0: url },
      '*',
      '',
      null,
      undefined,
    ],
    exp: [seconds - 61, seconds - 86_400, 0, -1, '9999999999', null, undefined, 1e300],
    nbf: [seconds + 120, 'now'],
    iat: [seconds + 120, {}],
    project_id: [undefined, null, 'a/b', '0', -1, 1.5, [7], { $gt: 0 }, '9007199254740993', true],
    pipeline_id: [undefined, '-5', {}],
    job_id: [undefined, '', '1e3'],
    user_id: [undefined, 'root'],
    ref: [undefined, '', ['main']],
    ref_type: [undefined, 'commit'],
    sha: [undefined, 'abc', 'g'.repeat(40)],
    sub: [undefined, 7],
  }
  return Object.entries(values).flatMap(([claim, list]) =>
    list.map((value): Forgery => {
      const overrides = { [claim]: value }
      return [`${claim} ${JSON.stringify(value)}`, simulator.idToken({ ...request(world, jobId), overrides })]
    }),
  )
}

function wrongTokens({ world, published }: ForgeryTools, good: string): Forgery[] {
  const { url, simulator } = world.service
  const { sub: _, ...claims } = claimsOf(good)
  const seconds = Math.floor(Date.now() / 1000)
  const person = { iss: simulator.url, sub: '5', iat: seconds, auth_time: seconds, exp: seconds + 120 }
  const clientId = [...simulator.state.applications.values()][0]?.clientId ?? ''
  const elsewhere = createKeys()
  // Signed with GitLab's own key, as those that people sign in with.
  const overrides = (own: Claims) => ({
    ...Object.fromEntries(Object.keys(claims).map((key) => [key, undefined])),
    ...own,
  })
  const signIn = (own: Claims) =>
    simulator.idToken({
      ...request(world, 0),
      jobId: idOf(good),
      key: 'other',
      overrides: overrides({ ...person, ...own }),
    })
  return [
    ['the ID token of a sign-in', signIn({ aud: clientId })],
    ['the ID token of a sign-in, for us', signIn({ aud: url })],
    ['the ID token of a sign-in, for both', signIn({ aud: [url, clientId] })],
    ['a token of another GitLab', elsewhere.sign(claimsOf(good), { key: 'current', alg: 'RS256' })],
    [
      'a token of another GitLab that calls itself ours',
      elsewhere.sign(claimsOf(good), { key: 'current', alg: 'RS256', kid: published.ci.kid }),
    ],
    ['the cookie of a session', signToken({ sid: 'a'.repeat(43), exp: seconds + 60 })],
    ['a job as the cookie of a session', signToken(claimsOf(good), { key: sessionKey })],
    ['no token', 'null'],
    ['words', 'a.b.c'],
  ]
}

function request({ service }: World, jobId: number) {
  return { jobId, aud: service.url }
}

function idOf(token: string): number {
  return Number(claimsOf(token).job_id)
}

function claimsOf(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function content(header: object, claims: unknown): string {
  return `${encoded({ typ: 'JWT', ...header })}.${encoded(claims)}`
}

function rs256(header: object, claims: Claims): string {
  return signed({ alg: 'RS256', ...header }, claims, forger.privateKey, 'sha256')
}

function signed(header: object, claims: Claims, key: KeyObject, hash: string): string {
  const text = content(header, claims)
  return `${text}.${sign(hash === '' ? null : hash, Buffer.from(text), key).toString('base64url')}`
}

function hmac(header: object, claims: Claims, secret: string | Buffer, hash = 'sha256'): string {
  const text = content(header, claims)
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`
}
