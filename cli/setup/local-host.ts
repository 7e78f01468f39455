import { lookup } from 'node:dns/promises'
import { BlockList, isIP } from 'node:net'

const local = new BlockList()
for (const [address, prefix] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
] as const) {
  local.addSubnet(address, prefix, 'ipv4')
}
local.addAddress('::1', 'ipv6')
local.addSubnet('fc00::', 7, 'ipv6')
local.addSubnet('fe80::', 10, 'ipv6')

/** Whether GitLab counts a host as part of the local network, as far as this machine can see. */
export async function isLocalHost(hostname: string): Promise<boolean> {
  const host = hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0) return isLocalAddress(host)
  if (!host.includes('.') || /\.(local|localhost|internal|lan|home\.arpa)$/.test(host)) return true
  // A name that is not known here may be known to GitLab, whose administrator then sees it refused.
  const addresses = await lookup(host, { all: true }).catch(() => [])
  return addresses.some(({ address }) => isLocalAddress(address))
}

function isLocalAddress(address: string): boolean {
  return local.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}
