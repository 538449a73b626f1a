// What can go wrong, as data.
export {
  type Action,
  type Armed,
  actionText,
  after,
  arm,
  at,
  type Fault,
  type FaultTarget,
  failAlloc,
  poison,
  type Trigger,
} from './fault.ts'
