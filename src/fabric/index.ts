// The way from a host to the memory: accesses with their cause, latency and bandwidth.
export { type Agent, type Cause, DEFAULT_LINK, fabric_read, fabric_write, type LinkCost } from './port.ts'
export { ram_clear } from './ram.ts'
