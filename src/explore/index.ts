// The search: strategies behind the Chooser.
export { ListChooser } from './strategies/list.ts'
export { RandomChooser } from './strategies/random.ts'
export { type Divergence, ReplayChooser } from './strategies/replay.ts'
