import { BlockList, isIP } from 'node:net'

import type { World } from './world.js'

const local = new BlockList()
for (const [address, prefix] of [
  ['127.0.0.0', 8],
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['0.0.0.0', 8],
] as const) {
  local.addSubnet(address, prefix, 'ipv4')
}
local.addAddress('::1', 'ipv6')
local.addAddress('::', 'ipv6')
local.addSubnet('fc00::', 7, 'ipv6')
local.addSubnet('fe80::', 10, 'ipv6')

/** Why GitLab does not send a hook there, by the settings of its administrator; `null` when it does. */
export function outboundRefusal(world: World, address: string): string | null {
  const { allowLocalRequests, outboundAllowlist } = world.state.instance
  const url = new URL(address)
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const refusal = localRefusal(world, host)
  if (refusal === null || allowLocalRequests) return null
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
  return outboundAllowlist.some((entry) => matches(entry, host, port)) ? null : refusal
}

function localRefusal(world: World, host: string): string | null {
  if (host === 'localhost' || host.endsWith('.localhost') || host === '::1' || host.startsWith('127.')) {
    return 'is blocked: Requests to localhost are not allowed'
  }
  const isLocal = host === new URL(world.url).hostname || (isIP(host) !== 0 && isIn(local, host))
  return isLocal ? 'is blocked: Requests to the local network are not allowed' : null
}

function isIn(list: BlockList, host: string): boolean {
  return list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
}

function matches(entry: string, host: string, port: string): boolean {
  const [address = '', prefix] = entry.split('/')
  if (prefix !== undefined) return isInRange(address, Number(prefix), host)
  return (
    entry === host || entry === `${host}:${port}` || entry === `[${host}]:${port}` || entry === `[${host}]`
  )
}

function isInRange(address: string, prefix: number, host: string): boolean {
  if (isIP(address) === 0 || isIP(address) !== isIP(host)) return false
  const range = new BlockList()
  range.addSubnet(address, prefix, isIP(address) === 6 ? 'ipv6' : 'ipv4')
  return isIn(range, host)
}
