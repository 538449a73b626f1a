// The way from a host to the memory: accesses with their cause, CPU caches, flushes, latency and bandwidth.
export type { Cause } from './cause.ts'
export { CACHE_SIZE, DEVICE, HIT, LINK, LOCAL } from './costs.ts'
export {
  COHERENCES,
  type Coherence,
  type Device,
  type DeviceOptions,
  Fabric,
  type FabricHost,
  type Port,
  type Touched,
} from './fabric.ts'
export { fabric_clflush, fabric_clflushopt, fabric_clwb, fabric_sfence } from './flush.ts'
export { type Agent, fabric_read, fabric_write, local_access } from './port.ts'
export { ram_clear } from './ram.ts'
export { clear_poison, lose_contents } from './ras.ts'
