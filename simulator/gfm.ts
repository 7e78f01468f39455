import type { Element, ElementContent, Root, Text } from 'hast'
import type { Root as MarkdownRoot } from 'mdast'
import rehypeRaw from 'rehype-raw'
import rehypeSanitize from 'rehype-sanitize'
import rehypeStringify from 'rehype-stringify'
import remarkGfm from 'remark-gfm'
import remarkParse from 'remark-parse'
import remarkRehype from 'remark-rehype'
import { unified } from 'unified'
import { visitParents } from 'unist-util-visit-parents'

import { gitlabSchema } from './gfm-schema.js'
import { splitQuickActions } from './quick-actions.js'
import {
  locateAddresses,
  locateReferences,
  type FoundReference,
  type LocatedReference,
} from './references.js'

/** What a note shows, and everything in it that is alive. */
export interface RenderedGfm {
  html: string
  /** Addresses of links, also of those that only look like one in the text. */
  links: string[]
  images: string[]
  /** `@name`, `@group/sub` and `@all`, in text that GitLab searches. */
  mentions: string[]
  /** `!1`, `#1`, `&1`, `$1`, `%milestone`, `~label`, full SHAs, `VGG-16` and the like. */
  references: string[]
  quickActions: string[]
  /** Names of elements that were written as HTML and survive the sanitiser, in order. */
  rawHtmlElements: string[]
}

const parser = unified().use(remarkParse).use(remarkGfm)
const toHtmlTree = unified()
  .use(remarkRehype, { allowDangerousHtml: true })
  .use(rehypeRaw)
  .use(rehypeSanitize, gitlabSchema)
const writer = unified().use(rehypeStringify)

/** Renders Markdown as GitLab does, without looking up what references name. */
export function renderGfm(markdown: string): RenderedGfm {
  const source = parser.parse(markdown)
  const tree = toHtmlTree.runSync(source) as Root
  const alive = inspect(tree)
  linkReferences(tree)
  return {
    html: writer.stringify(tree),
    ...alive,
    quickActions: splitQuickActions(markdown).actions.map((action) => action.text),
    rawHtmlElements: rawElements(source),
  }
}

type Alive = Pick<RenderedGfm, 'links' | 'images' | 'mentions' | 'references'>

function inspect(tree: Root): Alive {
  const alive: Alive = { links: [], images: [], mentions: [], references: [] }
  visitParents(tree, (node, ancestors) => {
    if (node.type === 'element') inspectElement(node, alive)
    if (node.type !== 'text' || isSkipped(ancestors)) return
    add(alive, locateReferences(node.value))
    alive.links.push(...locateAddresses(node.value))
  })
  return alive
}

function inspectElement(node: Element, alive: Alive): void {
  const { href, src } = node.properties
  if (node.tagName === 'img') alive.images.push(String(src ?? ''))
  if (node.tagName !== 'a' || href === undefined) return
  alive.links.push(String(href))
  // GitLab also takes `[text](!1)` for a reference.
  const target = decode(String(href))
  add(
    alive,
    locateReferences(target).filter((found) => found.text === target),
  )
}

function decode(href: string): string {
  try {
    return decodeURIComponent(href)
  } catch {
    // Not percent-encoded text: then it is its own meaning.
    return href
  }
}

function add(alive: Alive, found: FoundReference[]): void {
  for (const { kind, text } of found) alive[kind === 'mention' ? 'mentions' : 'references'].push(text)
}

const skipped = new Set(['pre', 'code', 'a', 'style'])

function isSkipped(ancestors: (Root | Element)[]): boolean {
  return ancestors.some((ancestor) => ancestor.type === 'element' && skipped.has(ancestor.tagName))
}

function rawElements(source: MarkdownRoot): string[] {
  const names: string[] = []
  visitParents(source, 'html', (node) => {
    for (const match of node.value.matchAll(/<([a-z][a-z0-9-]*)/gi))
      names.push((match[1] ?? '').toLowerCase())
  })
  return names.filter((name) => gitlabSchema.tagNames?.includes(name))
}

/** Shows what GitLab would link, so that living text is seen on the page. */
function linkReferences(tree: Root): void {
  const replacements: { parent: Root | Element; node: Text; parts: ElementContent[] }[] = []
  visitParents(tree, 'text', (node, ancestors) => {
    const parent = ancestors.at(-1)
    if (parent === undefined || isSkipped(ancestors)) return
    const found = withoutOverlaps(locateReferences(node.value))
    if (found.length > 0) replacements.push({ parent, node, parts: splitText(node.value, found) })
  })
  for (const { parent, node, parts } of replacements) {
    parent.children.splice(parent.children.indexOf(node), 1, ...parts)
  }
}

function withoutOverlaps(found: LocatedReference[]): LocatedReference[] {
  const kept: LocatedReference[] = []
  for (const next of found.sort((a, b) => a.start - b.start)) {
    if (next.start >= (kept.at(-1)?.end ?? 0)) kept.push(next)
  }
  return kept
}

function splitText(text: string, found: LocatedReference[]): ElementContent[] {
  const parts: ElementContent[] = []
  let at = 0
  for (const reference of found) {
    parts.push({ type: 'text', value: text.slice(at, reference.start) })
    parts.push({
      type: 'element',
      tagName: 'span',
      properties: { className: ['gfm', `gfm-${reference.kind}`] },
      children: [{ type: 'text', value: reference.text }],
    })
    at = reference.end
  }
  parts.push({ type: 'text', value: text.slice(at) })
  return parts.filter((part) => part.type !== 'text' || part.value !== '')
}
