let addresses = 0

/** Where a request comes from: one address is refused 300 times in a minute, then it has to wait. */
export function newAddress(): string {
  addresses += 1
  return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`
}
