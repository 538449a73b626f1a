// Litmus tests: small programs with a question about memory order, answered by taking every execution.
export type { Execution, LitmusEvent, Pairs } from './execution.ts'
export { type Judgement, judge } from './lkmm.ts'
export { parseLitmus } from './parse.ts'
export { Relation } from './relation.ts'
export { type LitmusResult, type RunOptions, runLitmus } from './run.ts'
export { type Litmus, LitmusError, Location } from './syntax.ts'
export { claimHolds, type Observation } from './verdict.ts'
