/** How far two trainings of the target branch lie apart where nothing was changed, from those there were. */
export interface HistorySpread {
  /** Of the difference between two single trainings: √2 times that of one. */
  standardError: number
  degreesOfFreedom: number
  /** How far the branch went and came back, each time; empty unless most trainings gave exactly the same. */
  swings: number[]
}

/**
 * Works on the steps from each training to the next, as improvements that stay are one step each and no noise, and a
 * slow drift makes all steps a little larger. One step in ten is taken for such a change: the largest count no more
 * than the next one. The mean square of the steps is then that of a difference between two trainings, made larger for
 * what was cut off from normal noise, which loses degrees of freedom. The corrections were fitted by simulation and
 * hold for 8 to 20 trainings.
 *
 * Where most steps are zero the result takes few values (three of thirty samples wrong, or four), and the normal curve
 * says nothing. Then what went and came back at once is the noise, and what stayed is a change.
 */
export function spreadOfHistory(values: readonly number[]): HistorySpread {
  const count = values.length - 1
  const cut = Math.ceil(count / 10)
  const { meanSquare, zeros } = measureSteps(values, cut)
  const correction = 1 + (cut * (1.25 + 0.35 * cut)) / count
  const variance = meanSquare * correction
  const degreesOfFreedom = (2 / 3) * (count - cut)
  if (zeros <= count / 2) return { standardError: Math.sqrt(variance), degreesOfFreedom, swings: [] }
  const swings = listSwings(values)
  const swinging = swings.reduce((sum, swing) => sum + 2 * swing ** 2, 0) / (values.length - 2)
  return { standardError: Math.sqrt(Math.max(variance, swinging)), degreesOfFreedom, swings }
}

/** The mean square of the steps, the largest `cut` counting as the one below them, and how many steps are zero. */
function measureSteps(values: readonly number[], cut: number): { meanSquare: number; zeros: number } {
  // The largest cut + 1 squares, largest first. The others are added up without them: a huge one would swallow them.
  const largest = new Float64Array(cut + 1)
  let sum = 0
  let zeros = 0
  for (let i = 1; i < values.length; i++) {
    const square = ((values[i] ?? 0) - (values[i - 1] ?? 0)) ** 2
    if (square === 0) zeros++
    sum += insert(square, largest)
  }
  const highest = largest[cut] ?? 0
  return { meanSquare: (sum + highest * (cut + 1)) / (values.length - 1), zeros }
}

/** Puts the value in its place and gives back the smallest, which falls out. */
function insert(value: number, largest: Float64Array): number {
  let place = largest.length
  const last = largest[place - 1] ?? 0
  if (value <= last) return value
  for (place--; place > 0 && (largest[place - 1] ?? 0) < value; place--) {
    largest[place] = largest[place - 1] ?? 0
  }
  largest[place] = value
  return last
}

/** At each training that is higher or lower than both beside it, how far it is from the nearer one. */
function listSwings(values: readonly number[]): number[] {
  const swings: number[] = []
  for (let i = 1; i < values.length - 1; i++) {
    const value = values[i] ?? 0
    const before = value - (values[i - 1] ?? 0)
    const after = value - (values[i + 1] ?? 0)
    if (before * after > 0) swings.push(Math.min(Math.abs(before), Math.abs(after)))
  }
  return swings
}
