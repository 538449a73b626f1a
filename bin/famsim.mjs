#!/usr/bin/env node
// The famsim command: runs the TypeScript sources through tsx, so a clone needs no build step.
import { existsSync } from 'node:fs'
import { register as registerHook } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
if (!existsSync(join(root, 'node_modules', 'tsx'))) {
  console.error(`famsim: packages are not installed in ${root}; type: npm run setup`)
  process.exit(2)
}
await import('./v8-flags.mjs')
const { register } = await import('tsx/esm/api')
register()
registerHook('./scenario-hook.mjs', import.meta.url)
await import('../src/cli/main.ts')
