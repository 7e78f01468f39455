import { writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/**
 * Preloaded into the service (`node --import`). On SIGWINCH, a signal that ends nothing, it writes how long the event
 * loop was held since the last one, in milliseconds, to the file that MLMM_BENCH_LOOP_FILE names.
 */

const resolutionMs = 1
const file = process.env.MLMM_BENCH_LOOP_FILE ?? ''
const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
histogram.enable()

process.on('SIGWINCH', () => {
  writeFileSync(file, JSON.stringify({ p99Ms: inMs(histogram.percentile(99)), maxMs: inMs(histogram.max) }))
  histogram.reset()
})

function inMs(nanoseconds: number): number {
  return Math.round(nanoseconds / 1e4) / 100
}
