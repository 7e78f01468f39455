import { eventually, type Ground, type RawAnswer } from './ground.js'

/** What was seen of a fact; `holds` is null where this GitLab or token cannot tell. */
export interface Seen {
  holds: boolean | null
  seen: string
}

export interface Fact {
  says: string
  look(ground: Ground): Promise<Seen>
}

const missing = 999_999_999

/** What the service builds on although only documents, sources or third parties say so. */
export const facts: Fact[] = [
  {
    says: 'no token: 401 {"message":"401 Unauthorized"}',
    look: async ({ call }) =>
      compare(await call('GET', '/user', { token: null }), 401, /^\{"message":"401 Unauthorized"\}$/),
  },
  {
    says: 'an unknown token: 401, invalid_token or 401 Unauthorized',
    look: async ({ call }) =>
      compare(
        await call('GET', '/user', { token: 'no-such-token' }),
        401,
        /invalid_token|"401 Unauthorized"/,
      ),
  },
  {
    says: 'a project that one may not see: 404 Project Not Found',
    look: async ({ call }) =>
      compare(await call('GET', `/projects/${missing}`), 404, /404 Project Not Found/),
  },
  {
    says: 'who is no member: 404 Not found',
    look: async ({ call, projectId }) =>
      compare(
        await call('GET', `/projects/${projectId}/members/all/${missing}`),
        404,
        /404 (User )?Not found/i,
      ),
  },
  {
    says: 'a commit that is not there: 404 Commit Not Found',
    look: async ({ call, projectId }) =>
      compare(
        await call('GET', `/projects/${projectId}/repository/commits/${'0'.repeat(40)}`),
        404,
        /404 Commit Not Found/,
      ),
  },
  {
    says: 'an empty repository has no default branch',
    look: async ({ created }) => ({
      holds: created.default_branch === null,
      seen: `default_branch ${JSON.stringify(created.default_branch)}`,
    }),
  },
  {
    says: 'diff_refs are empty right after a merge request is opened, and come later',
    async look({ opened, call, projectId, mrIid }) {
      const later = await eventually(async () => {
        const mr = (await call('GET', `/projects/${projectId}/merge_requests/${mrIid}`)).json
        return isFilled(mr.diff_refs) ? true : null
      })
      return {
        holds: later === true,
        seen: `${isFilled(opened.diff_refs) ? 'filled at once' : 'empty at first'}, ${later === true ? 'filled later' : 'never filled'}`,
      }
    },
  },
  {
    says: 'a note of only quick actions answers 202 and makes no note',
    look: async (ground) =>
      compare(await note(ground, '/label ~none\n/unlabel'), 202, /commands_changes|command/),
  },
  {
    says: 'an empty note: 400',
    look: async (ground) => compare(await note(ground, ''), 400, /./),
  },
  {
    says: 'a note can be internal',
    async look({ call, projectId, mrIid }) {
      const body = { body: 'Internal', internal: true }
      const answer = await call('POST', `/projects/${projectId}/merge_requests/${mrIid}/notes`, { body })
      return { holds: answer.json.internal === true, seen: `internal ${String(answer.json.internal)}` }
    },
  },
  {
    says: 'removing a note: 204, and 404 the second time',
    async look(ground) {
      const { id } = (await note(ground, 'To be removed')).json
      const path = `/projects/${ground.projectId}/merge_requests/${ground.mrIid}/notes/${String(id)}`
      const [first, second] = [await ground.call('DELETE', path), await ground.call('DELETE', path)]
      return {
        holds: first.status === 204 && second.status === 404,
        seen: `${first.status}, then ${second.status}`,
      }
    },
  },
  {
    says: 'notes are listed newest first unless asked otherwise',
    async look(ground) {
      const [first, second] = [await note(ground, 'First'), await note(ground, 'Second')]
      const path = `/projects/${ground.projectId}/merge_requests/${ground.mrIid}/notes`
      const listed = (await ground.call('GET', path)).json as unknown as { id: number }[]
      const places = [first, second].map(({ json }) => listed.findIndex(({ id }) => id === json.id))
      return { holds: (places[1] ?? 0) < (places[0] ?? 0), seen: `places ${places.join(' and ')}` }
    },
  },
  {
    says: 'hooks listen to pushes and check certificates unless told otherwise',
    async look({ call, projectId }) {
      const body = { url: 'https://mlmm.example.com/defaults' }
      const { json, status } = await call('POST', `/projects/${projectId}/hooks`, { body })
      if (status !== 201) return { holds: null, seen: `status ${status}` }
      const { push_events: push, enable_ssl_verification: tls } = json
      return { holds: push === true && tls === true, seen: `push_events ${String(push)}, tls ${String(tls)}` }
    },
  },
  {
    says: 'a hook with an address that is none: 422',
    look: async ({ call, projectId }) =>
      compare(await call('POST', `/projects/${projectId}/hooks`, { body: { url: 'ftp://x' } }), 422, /./),
  },
  {
    says: 'a hook to the local network: 422, unless an administrator allows it',
    async look({ call, projectId }) {
      const body = { url: 'http://127.0.0.1:1/hook' }
      const answer = await call('POST', `/projects/${projectId}/hooks`, { body })
      return { holds: answer.status === 422 ? true : null, seen: `${answer.status} ${short(answer)}` }
    },
  },
  {
    says: 'hooks keep a signing token (19.0 and later)',
    async look({ call, projectId }) {
      const signing_token = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
      const body = { url: 'https://mlmm.example.com/signed', signing_token }
      const { json } = await call('POST', `/projects/${projectId}/hooks`, { body })
      const taken = json.signing_token_present
      return {
        holds: taken === undefined ? null : taken === true,
        seen: `signing_token_present ${String(taken)}`,
      }
    },
  },
  {
    says: 'what a hook delivered can be listed (17.3 and later)',
    async look({ call, projectId }) {
      const hooks = (await call('GET', `/projects/${projectId}/hooks`)).json as unknown as { id: number }[]
      const answer = await call('GET', `/projects/${projectId}/hooks/${hooks[0]?.id ?? 0}/events`)
      return { holds: answer.status === 200 ? true : null, seen: `status ${answer.status}` }
    },
  },
  {
    says: 'the same pending status twice: 400 :enqueue from :pending',
    async look(ground) {
      await status(ground, 'pending', 'repeated')
      return compare(await status(ground, 'pending', 'repeated'), 400, /:enqueue from :pending/)
    },
  },
  {
    says: 'a finished status may become pending again: 201',
    async look(ground) {
      await status(ground, 'success', 'again')
      return compare(await status(ground, 'pending', 'again'), 201, /./)
    },
  },
  {
    says: 'a pending status can be skipped',
    async look(ground) {
      await status(ground, 'pending', 'skipped')
      return compare(await status(ground, 'skipped', 'skipped'), 201, /./)
    },
  },
  {
    says: 'a status on a commit without a pipeline makes a pipeline of source external',
    async look({ call, projectId, mainSha }) {
      const before = await sources(call, projectId, mainSha)
      await call('POST', `/projects/${projectId}/statuses/${mainSha}`, {
        body: { state: 'success', name: 'alone' },
      })
      const after = await sources(call, projectId, mainSha)
      if (before.length > 0) return { holds: null, seen: 'the commit had a pipeline' }
      return { holds: after.includes('external'), seen: after.join(', ') || 'no pipeline' }
    },
  },
  {
    says: 'a status that names a pipeline of another commit: 404',
    async look({ call, projectId, mainSha, pipelineId }) {
      if (pipelineId === null) return { holds: null, seen: 'no pipeline was made' }
      const body = { state: 'success', name: 'elsewhere', pipeline_id: pipelineId }
      return compare(await call('POST', `/projects/${projectId}/statuses/${mainSha}`, { body }), 404, /./)
    },
  },
  {
    says: 'the last page says x-next-page with an empty text',
    async look({ call, projectId }) {
      const { headers } = await call('GET', `/projects/${projectId}/merge_requests?per_page=100`)
      const value = headers.get('x-next-page')
      return { holds: value === '', seen: `x-next-page ${JSON.stringify(value)}` }
    },
  },
  {
    says: 'a moved project: 301 for reading, and no note is written by a POST to its old path',
    async look(ground) {
      const { call, projectId, path, mrIid } = ground
      const renamed = `${path.split('/').at(-1) ?? ''}-moved`
      const moved = await call('PUT', `/projects/${projectId}`, { body: { path: renamed } })
      if (moved.status !== 200) return { holds: null, seen: `renaming: ${moved.status}` }
      const old = `/projects/${encodeURIComponent(path)}`
      const reading = await call('GET', old)
      const body = { body: 'To the old path' }
      const posting = await call('POST', `${old}/merge_requests/${mrIid}/notes`, { body })
      return {
        holds: reading.status === 301 && posting.status >= 300,
        seen: `GET ${reading.status}, POST ${posting.status}`,
      }
    },
  },
  {
    says: 'keys for ID tokens: several, RS256, kept for a day',
    async look({ url }) {
      const answer = await fetch(`${url}/oauth/discovery/keys`)
      const { keys = [] } = (await answer.json()) as { keys?: { alg?: string }[] }
      const holds = keys.length >= 1 && keys.every(({ alg }) => alg === 'RS256')
      return {
        holds,
        seen: `${keys.length} keys, ${answer.headers.get('cache-control') ?? 'no Cache-Control'}`,
      }
    },
  },
  {
    says: 'the issuer of ID tokens is the address of the instance',
    async look({ url }) {
      const answer = await fetch(`${url}/.well-known/openid-configuration`)
      const { issuer } = (await answer.json()) as { issuer?: string }
      return { holds: issuer === url, seen: String(issuer) }
    },
  },
  {
    says: 'a project access token can be made through the API',
    async look({ call, projectId }) {
      const expires_at = new Date(Date.now() + 7 * 86_400_000).toISOString().slice(0, 10)
      const body = { name: 'contract', scopes: ['api'], access_level: 30, expires_at }
      const answer = await call('POST', `/projects/${projectId}/access_tokens`, { body })
      return { holds: answer.status === 201 ? true : null, seen: `status ${answer.status}` }
    },
  },
]

function compare(answer: RawAnswer, status: number, body: RegExp): Seen {
  return {
    holds: answer.status === status && body.test(answer.text),
    seen: `${answer.status} ${short(answer)}`,
  }
}

function short({ text }: RawAnswer): string {
  const line = text.replace(/[\p{C}\s]+/gu, ' ').trim()
  return line.length > 120 ? `${line.slice(0, 120)}…` : line
}

function isFilled(diffRefs: unknown): boolean {
  return (
    typeof diffRefs === 'object' && diffRefs !== null && 'base_sha' in diffRefs && diffRefs.base_sha !== null
  )
}

function note({ call, projectId, mrIid }: Ground, body: string): Promise<RawAnswer> {
  return call('POST', `/projects/${projectId}/merge_requests/${mrIid}/notes`, { body: { body } })
}

function status({ call, projectId, headSha }: Ground, state: string, name: string): Promise<RawAnswer> {
  return call('POST', `/projects/${projectId}/statuses/${headSha}`, { body: { state, name } })
}

async function sources(call: Ground['call'], projectId: number, sha: string): Promise<string[]> {
  const answer = await call('GET', `/projects/${projectId}/pipelines?sha=${sha}`)
  return (answer.json as unknown as { source: string }[]).map(({ source }) => source)
}
