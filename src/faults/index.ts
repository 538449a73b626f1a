// What can go wrong, as data.
export { type Action, type Armed, after, arm, at, type Fault, type FaultTarget, poison, type Trigger } from './fault.ts'
