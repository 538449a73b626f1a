// What can go wrong, as data.
export {
  type Action,
  accessTimeout,
  actionText,
  clearPoison,
  crashHost,
  delay,
  failAlloc,
  patrol,
  poison,
  powerLoss,
} from './actions.ts'
export { type Armed, after, arm, at, type Fault, type FaultTarget, type Trigger } from './fault.ts'
