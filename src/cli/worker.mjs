// A worker thread of a divided search: makes TypeScript loadable, then does what src/cli/job.ts says.
import { register as registerHook } from 'node:module'
import { register } from 'tsx/esm/api'

register()
registerHook('../../bin/scenario-hook.mjs', import.meta.url)
const { work } = await import('./job.ts')
export default work
