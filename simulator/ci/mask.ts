export interface Mask {
  write(text: string): void
  /** Writes what was held back because it could have been the start of a secret. */
  end(): void
}

/** Passes text on with every secret replaced by `[MASKED]`, also where one is cut into several chunks. */
export function createMask(secrets: readonly string[], emit: (text: string) => void): Mask {
  const longestFirst = [...new Set(secrets)]
    .filter((secret) => secret !== '')
    .sort((a, b) => b.length - a.length)
  let held = ''

  function pass(text: string): void {
    if (text !== '') emit(text)
  }

  return {
    write(text) {
      const masked = longestFirst.reduce((rest, secret) => rest.replaceAll(secret, '[MASKED]'), held + text)
      const kept = Math.max(0, ...longestFirst.map((secret) => openingLength(masked, secret)))
      held = masked.slice(masked.length - kept)
      pass(masked.slice(0, masked.length - kept))
    },
    end() {
      pass(held)
      held = ''
    },
  }
}

/** How many characters at the end of the text could be the beginning of the secret. */
function openingLength(text: string, secret: string): number {
  for (let length = Math.min(secret.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(secret.slice(0, length))) return length
  }
  return 0
}
