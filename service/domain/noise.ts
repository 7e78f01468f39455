/** Two sides differ by chance this often at most, and are called different all the same. */
export const NOISE_LEVEL = 0.05
/** So many earlier trainings of the target branch are needed to tell a difference from their spread. */
export const HISTORY_NEEDED = 8

/** How much of a difference chance explains. */
export interface Noise {
  /** `repeats`: Welch's test between both sides' repeats. `history`: the spread of the target branch's trainings. */
  kind: 'repeats' | 'history'
  /** Of the difference, in the result's own unit. */
  standardError: number
  degreesOfFreedom: number
  /** Two-sided: how likely a difference this large is where there is none. */
  p: number
  /** How many trainings of the target branch were used; 0 for `repeats`. */
  historyCount: number
}
