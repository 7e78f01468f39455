/** Where a command writes. */
export interface Terminal {
  /** To standard output. */
  write(text: string): void
  /** To standard error. */
  complain(text: string): void
  /** Whether the output is read on a terminal that may be coloured. */
  isTerminal: boolean
  /** Asks whoever sits there for a secret, which is not shown while it is typed. Null where nobody does. */
  askSecret?(question: string): Promise<string | null>
}

/** Wrong arguments, or input that cannot be read. Ends the command with exit code 2. */
export class UsageError extends Error {
  readonly lines: readonly string[]

  constructor(...lines: string[]) {
    super(lines[0])
    this.name = 'UsageError'
    this.lines = lines
  }
}
