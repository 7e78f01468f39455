import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { basename, extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type { Addresses } from '../domain/addresses.js'
import { Problem } from '../errors.js'
import { createHtmlRenderer, type HtmlRenderer, type HtmlSources } from '../render/html.js'

declare module 'fastify' {
  interface FastifyInstance {
    html: HtmlRenderer
  }
}

export interface ViewsOptions {
  addresses: Pick<Addresses, 'asset' | 'projects'>
}

interface Asset {
  /** With a hash of the content in it, so that it may be kept for ever. */
  file: string
  type: string
  bytes: Buffer
}

/** Beside `service/` in the sources and in `dist/`. */
const folder = new URL('../../views/', import.meta.url)

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml; charset=utf-8',
}

/** Reads and compiles `views/`: gives `fastify.html` and serves the files that pages link to. */
export const views = fp(registerViews, { name: 'views', fastify: '5.x' })

async function registerViews(fastify: FastifyInstance, { addresses }: ViewsOptions): Promise<void> {
  const [sources, style, icon] = await Promise.all([readSources(), readStyle(), readAsset('icon.svg')])
  const assets = new Map([style, icon].map((asset) => [asset.file, asset]))
  fastify.decorate(
    'html',
    createHtmlRenderer(sources, {
      homeHref: addresses.projects(),
      styleHref: addresses.asset(style.file),
      iconHref: addresses.asset(icon.file),
    }),
  )
  fastify.get<{ Params: { file: string } }>(
    '/-/assets/:file',
    { config: { access: 'everyone' } },
    async (request, reply) => {
      const asset = assets.get(request.params.file)
      if (asset === undefined) throw new Problem('NOT_FOUND', { message: 'There is no such file.' })
      return reply
        .header('cache-control', 'public, max-age=31536000, immutable')
        .type(asset.type)
        .send(asset.bytes)
    },
  )
}

/** In the order in which later rules prevail. */
const styles = ['base', 'tables', 'results', 'forms']

/** One file for browsers, by subject in the sources. */
async function readStyle(): Promise<Asset> {
  const parts = await Promise.all(styles.map((name) => readFile(new URL(`styles/${name}.css`, folder))))
  return toAsset('style.css', Buffer.concat(parts))
}

async function readAsset(name: string): Promise<Asset> {
  return toAsset(name, await readFile(new URL(`assets/${name}`, folder)))
}

function toAsset(name: string, bytes: Buffer): Asset {
  const hash = createHash('sha256').update(bytes).digest('base64url').slice(0, 12)
  const extension = extname(name)
  return {
    file: `${basename(name, extension)}.${hash}${extension}`,
    type: types[extension] ?? 'application/octet-stream',
    bytes,
  }
}

async function readSources(): Promise<HtmlSources> {
  const [layouts, partials, pages] = await Promise.all(['layouts', 'partials', 'pages'].map(readTemplates))
  return { layout: layouts?.page ?? '', partials: partials ?? {}, pages: pages as HtmlSources['pages'] }
}

/** Without their last line ends, which would be blanks inside a line. */
async function readTemplates(name: string): Promise<Record<string, string>> {
  const within = new URL(`${name}/`, folder)
  const files = (await readdir(fileURLToPath(within))).filter((file) => file.endsWith('.hbs'))
  const sources = await Promise.all(files.map((file) => readFile(new URL(file, within), 'utf8')))
  return Object.fromEntries(
    files.map((file, index) => [basename(file, '.hbs'), sources[index]?.trimEnd() ?? '']),
  )
}
