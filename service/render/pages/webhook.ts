/** What is known of a project's webhook. */
export interface HookFacts {
  state: string
  hookId: number | null
  previousUntil?: Date | null
  health?: {
    checkedAt: Date
    alertStatus: string
    disabledUntil: Date | null
    lastDeliveryAt: Date | null
  } | null
}

export interface WebhookView {
  state: string
  isGood: boolean
  /** What to do; null where nothing. */
  advice: string | null
  isRegistered: boolean
  lastDeliveryAt: Date | null
  checkedAt: Date | null
  disabledUntil: Date | null
}

const polled = 'Until then GitLab is asked for news every 2 minutes, and notes come that much later.'

export function webhookView(hook: HookFacts): WebhookView {
  const { health = null } = hook
  return {
    ...stateOf(hook),
    isRegistered: hook.state === 'registered',
    lastDeliveryAt: health?.lastDeliveryAt ?? null,
    checkedAt: health?.checkedAt ?? null,
    disabledUntil: health?.disabledUntil ?? null,
  }
}

function stateOf({ state, health }: HookFacts): Pick<WebhookView, 'state' | 'isGood' | 'advice'> {
  if (state === 'pending') {
    return { state: 'not registered yet', isGood: false, advice: `It is tried again by itself. ${polled}` }
  }
  if (state === 'not_allowed') {
    const advice = `Make the bot of this service a Maintainer, or let a Maintainer agree to it; then send a test delivery. ${polled}`
    return { state: 'not possible: nobody who speaks for the project is a Maintainer', isGood: false, advice }
  }
  if (state !== 'registered') {
    const advice = `An administrator of GitLab has to allow webhooks to the address of this service. ${polled}`
    return { state: 'refused by GitLab', isGood: false, advice }
  }
  switch (health?.alertStatus) {
    case undefined:
    case 'executable':
      return { state: 'works', isGood: true, advice: null }
    case 'temporarily_disabled':
    case 'disabled': {
      const advice = `GitLab got no good answer from this service. Send a test delivery: GitLab enables the webhook when it arrives. ${polled}`
      return { state: 'disabled by GitLab', isGood: false, advice }
    }
    default:
      return { state: 'not as it should be', isGood: false, advice: `Send a test delivery. ${polled}` }
  }
}
