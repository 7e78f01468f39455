#!/usr/bin/env node
import { existsSync } from 'node:fs'

// In a checkout there are the sources, which are never stale; in the package only what was built from them.
if (existsSync(new URL('main.ts', import.meta.url))) {
  const { register } = await import('tsx/esm/api')
  register({ tsconfig: false })
  await import('./main.ts')
} else {
  await import('../dist/cli/main.js')
}
