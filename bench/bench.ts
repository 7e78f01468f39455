import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { benchCurves } from './curves.js'
import { benchIngest } from './ingest.js'
import { benchLimits } from './limits.js'
import { benchMatrix } from './matrix.js'
import { benchNote } from './note.js'
import { print } from './parts/figures.js'
import { benchRefresh } from './refresh.js'
import { benchReport } from './report.js'
import { benchWebhooks } from './webhooks.js'

/** `npm run bench -- <what> [options]`: see README.rst beside this file. */

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    stored: { type: 'string', default: '0' },
    again: { type: 'string', default: '0' },
    seeds: { type: 'string', default: '1,2,3' },
    calm: { type: 'boolean', default: false },
    requests: { type: 'string', default: '200' },
    grants: { type: 'string', default: '1000' },
    hookless: { type: 'boolean', default: false },
  },
})

const benches: Record<string, () => Promise<void>> = {
  ingest: () => benchIngest({ stored: Number(values.stored), again: Number(values.again) / 100 }),
  curves: benchCurves,
  report: benchReport,
  note: benchNote,
  limits: () => benchLimits({ mergeRequests: Number(values.requests) }),
  webhooks: benchWebhooks,
  refresh: () => benchRefresh({ grants: Number(values.grants) }),
  matrix: () =>
    benchMatrix({
      seeds: values.seeds.split(',').map(Number),
      faults: !values.calm,
      hook: !values.hookless,
    }),
}

const run = benches[positionals[0] ?? '']
if (run === undefined) {
  process.stderr.write(`Usage: npm run bench -- ${Object.keys(benches).join('|')}; see bench/README.rst\n`)
  process.exitCode = 2
} else {
  await run()
  const [oneMinute = 0] = loadavg()
  print(
    `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus().length} CPUs, load ${oneMinute.toFixed(1)}`,
  )
}
