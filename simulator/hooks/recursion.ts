const expiryMs = 30 * 60_000
const maxHooksOfChain = 100

/** Which hooks a chain of events has called, so that none is called by what it has caused itself. */
export interface Chains {
  /** Whether the hook may be called; from then on it counts as called. */
  admit(eventUuid: string, hookId: number): boolean
}

export function createChains(now: () => Date): Chains {
  const chains = new Map<string, { hooks: Set<number>; until: number }>()

  function forgetOld(): void {
    for (const [eventUuid, chain] of chains) {
      if (chain.until > now().getTime()) return
      chains.delete(eventUuid)
    }
  }

  return {
    admit(eventUuid, hookId) {
      forgetOld()
      const hooks = chains.get(eventUuid)?.hooks ?? new Set<number>()
      if (hooks.has(hookId) || hooks.size >= maxHooksOfChain) return false
      hooks.add(hookId)
      // Deleted first, so that the oldest chain stays in front.
      chains.delete(eventUuid)
      chains.set(eventUuid, { hooks, until: now().getTime() + expiryMs })
      return true
    },
  }
}
