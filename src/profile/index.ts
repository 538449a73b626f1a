// Which kernel, which server: pure tables.
export { DAX_LEVELS, type DaxLevelTable } from './dax-levels.ts'
export { CATALOGUE, DEFECTS, type Defect, type Mark } from './defects.ts'
export { FACTS, type Fact, type Trust } from './facts.ts'
export {
  DEFAULT_KERNEL,
  KERNELS,
  KernelProfile,
  type KernelTable,
  kernelProfile,
} from './kernels.ts'
export { DEFAULT_SERVER, SERVERS, ServerProfile, type ServerTable, serverProfile } from './servers.ts'
export { type DefectSwitches, switchDefects } from './switches.ts'
