import type { Profile } from '../profiles.js'
import type { Hook } from '../state.js'

const minuteMs = 60_000
const dayMs = 86_400_000

/** Counts failures and disables the hook by the rules of the version, section 4.5 of the contract. */
export function recordOutcome(
  hook: Hook,
  status: number | null,
  rules: { profile: Profile; now(): Date },
): void {
  if (status !== null && status < 400) {
    enable(hook)
    return
  }
  hook.failures += 1
  if (hook.failures < 4) return
  const clientError = status !== null && status < 500
  const forGood =
    rules.profile.hooks.disabling === 'client-errors-for-good' ? clientError : hook.failures >= 40
  hook.alertStatus = forGood ? 'disabled' : 'temporarily_disabled'
  const backoffMs = Math.min(minuteMs * 2 ** (hook.failures - 4), dayMs)
  hook.disabledUntil = forGood ? null : new Date(rules.now().getTime() + backoffMs)
}

/** A temporarily disabled hook works again after its time, and keeps its count of failures. */
export function refreshDisabled(hook: Hook, now: Date): void {
  if (hook.disabledUntil === null || hook.disabledUntil > now) return
  hook.alertStatus = 'executable'
  hook.disabledUntil = null
}

export function enable(hook: Hook): void {
  hook.failures = 0
  hook.alertStatus = 'executable'
  hook.disabledUntil = null
}
