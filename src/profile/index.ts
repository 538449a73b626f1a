// Which kernel, which server: pure tables.
export { DAX_LEVELS, type DaxLevelTable } from './dax-levels.ts'
export { DEFECTS, type Defect, type Mark } from './defects.ts'
export {
  DEFAULT_KERNEL,
  type DefectSwitches,
  KERNELS,
  KernelProfile,
  type KernelTable,
  kernelProfile,
} from './kernels.ts'
