import type { FastifyInstance, FastifyReply } from 'fastify'
import fp from 'fastify-plugin'
import type { Addresses } from '../domain/addresses.js'
import { returnPath } from '../domain/return-path.js'
import type { AccountFrame, PageFrame, PageName, Pages } from '../render/html.js'

declare module 'fastify' {
  interface FastifyReply {
    /** A page in its frame, which says who is signed in; sets the headers that go with it. */
    renderPage<P extends PageName>(page: P, view: Pages[P] & PageFrame): Promise<string>
  }
}

export interface PageFrameOptions {
  addresses: Addresses
  /** The path of PUBLIC_URL without a slash at its end. */
  basePath: string
  canSignIn: boolean
}

/** Gives replies `renderPage`. */
export const pageFrame = fp(registerPageFrame, { name: 'page-frame', fastify: '5.x' })

async function registerPageFrame(fastify: FastifyInstance, options: PageFrameOptions): Promise<void> {
  const { addresses, basePath, canSignIn } = options

  fastify.decorateReply('renderPage', async function renderPage(this: FastifyReply, page, view) {
    const account = await findAccount(this)
    this.type('text/html; charset=utf-8').header('vary', 'Cookie')
    // Kept nowhere, so that nothing is left of it for whoever uses the computer next.
    if (account.viewer !== null) this.header('cache-control', 'private, no-store')
    return fastify.html.render(page, view, account)
  })

  async function findAccount({ request }: FastifyReply): Promise<AccountFrame> {
    // What keeps the session from being read, the page itself meets too and tells.
    const session = await request.session().catch(() => null)
    const cameFrom = request.method === 'GET' ? `${basePath}${request.raw.url ?? '/'}` : ''
    return {
      viewer: session === null ? null : { name: session.name, username: session.username },
      signInHref: canSignIn ? addresses.signIn(returnPath(cameFrom, basePath)) : null,
      profileHref: addresses.profile(),
      tokensHref: addresses.tokens(),
      signOutHref: addresses.signOut(),
    }
  }
}
