// The memory: backings, the dax bus and its drivers, holders, folios, the poison map. Never loads or stores for a host.
export * from './backing/index.ts'
export {
  DAX_MAJOR,
  DaxBus,
  dax_new_id,
  dax_remove_id,
  device_driver_attach,
  device_driver_detach,
  MAJOR,
  type MemoryHotplug,
  MINOR,
  MKDEV,
} from './bus.ts'
export {
  type DaxDriver,
  type DaxMemory,
  type DirectAccess,
  type DriverName,
  type dax_device,
  type dax_holder_operations,
  type dax_operations,
  type dev_dax,
  type MemoryOptions,
  make_memory,
  physBase,
  type RegionKind,
} from './device.ts'
export { dax_kmem_range, MEMORY_BLOCK_SIZE } from './drivers/kmem.ts'
export { DAX_DRIVERS, type dax_device_driver, daxDriver } from './drivers/table.ts'
export { type Folio, Folios, STRUCT_PAGES, type StructPages } from './folio.ts'
export { Memory } from './memory.ts'
export { bindingLife, type DaxMode, daxModes, type ModeEvent } from './modes.ts'
export { dev_pagemap, type dev_pagemap_ops } from './pgmap.ts'
export { POISON_LINE, PoisonMap } from './poison.ts'
export { ALIGNS, checkGeometry, type DaxRange, left_in_range, NO_PHYS, offset_of, phys_of } from './range.ts'
export {
  dax_direct_access,
  dax_holder,
  dax_holder_notify_failure,
  dax_read_lock,
  dax_read_unlock,
  fs_dax_get,
  fs_dax_get_by_bdev,
  fs_put_dax,
  kill_dax,
  MF_ACTION_REQUIRED,
  MF_MEM_PRE_REMOVE,
  PAGE_SIZE,
  put_dax,
  WHOLE_DEVICE,
} from './super.ts'
