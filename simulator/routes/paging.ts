import { parameterError } from '../errors.js'
import type { Ask } from './api.js'

/** GitLab counts no further. */
const maxCountedRows = 10_000

/** Sends one page of the rows, with the headers of offset paging. */
export function offsetPage<T>(ask: Ask, rows: T[]): T[] {
  const { paging } = ask.world
  const page = positive(ask, 'page', 1)
  const perPage = pageSize(ask)
  const counted = !paging.dropTotals && rows.length <= maxCountedRows
  const pages = Math.max(1, Math.ceil(rows.length / perPage))
  const hasNext = page < pages || (paging.linkToEmptyPage && page === pages)
  const links = [
    ...(page > 1 ? [link(ask, page - 1, 'prev')] : []),
    ...(hasNext ? [link(ask, page + 1, 'next')] : []),
    link(ask, 1, 'first'),
    ...(counted ? [link(ask, pages, 'last')] : []),
  ]
  ask.reply.headers({
    link: links.join(', '),
    'x-next-page': hasNext ? String(page + 1) : '',
    'x-page': String(page),
    'x-per-page': String(perPage),
    'x-prev-page': page > 1 ? String(page - 1) : '',
  })
  if (counted) {
    ask.reply.headers({ 'x-total': String(rows.length), 'x-total-pages': String(pages) })
  }
  return rows.slice((page - 1) * perPage, page * perPage)
}

/** Keyset paging by id: only a `Link` with `rel="next"`, no totals. */
export function keysetPage<T extends { id: number }>(ask: Ask, rows: T[]): T[] {
  const descending = ask.query['sort'] !== 'asc'
  if (ask.query['order_by'] !== 'id') throw parameterError('Keyset pagination needs order_by=id')
  const key = descending ? 'id_before' : 'id_after'
  const after = ask.query[key] === undefined ? null : Number(ask.query[key])
  const ordered = rows
    .filter((row) => after === null || (descending ? row.id < after : row.id > after))
    .sort((a, b) => (descending ? b.id - a.id : a.id - b.id))
  const page = ordered.slice(0, pageSize(ask))
  const last = page.at(-1)
  // A full last page still offers a next link.
  if (last !== undefined && page.length === pageSize(ask)) {
    ask.reply.header('link', link(ask, last.id, 'next', key))
  }
  return page
}

function pageSize(ask: Ask): number {
  return Math.min(positive(ask, 'per_page', 20), ask.world.paging.perPageCap)
}

function positive(ask: Ask, name: string, byDefault: number): number {
  const value = ask.query[name]
  if (value === undefined) return byDefault
  const number = Number(value)
  if (!Number.isInteger(number)) throw parameterError(`${name} is invalid`)
  return Math.max(1, number)
}

function link(ask: Ask, value: number, rel: string, name = 'page'): string {
  const { pathname, searchParams } = new URL(ask.request.url, 'http://unused')
  searchParams.set(name, String(value))
  searchParams.set('per_page', String(pageSize(ask)))
  return `<${new URL(ask.world.url).origin}${pathname}?${searchParams}>; rel="${rel}"`
}
