// The memory: backings, the dax bus, the holder protocol, the poison map. Never loads or stores for a host.
export * from './backing/index.ts'
export { DAX_MAJOR, DaxBus, MAJOR, MINOR, MKDEV } from './bus.ts'
export type { DaxDriver, DaxMemory, dax_device, dax_holder_operations, dev_dax } from './device.ts'
export { Memory } from './memory.ts'
export { PoisonMap } from './poison.ts'
export {
  type DirectAccess,
  dax_direct_access,
  dax_holder,
  dax_holder_notify_failure,
  fs_dax_get,
  fs_put_dax,
  PAGE_SIZE,
  put_dax,
} from './super.ts'
