// Puts hosts, memories, servers and applications together; the scenario API. What scenario files import.

export type { StructPages } from '../devdax/index.ts'
export { COHERENCES, type Coherence } from '../fabric/index.ts'
export {
  accessTimeout,
  after,
  at,
  clearPoison,
  crashHost,
  delay,
  type Fault,
  failAlloc,
  patrol,
  poison,
  powerLoss,
} from '../faults/index.ts'
export {
  ALL_CAPS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  O_APPEND,
  O_DIRECT,
  O_DIRECTORY,
  O_RDONLY,
  O_RDWR,
  O_TRUNC,
  O_WRONLY,
  PROT_READ,
  PROT_WRITE,
  ROOT_CRED,
  SEEK_CUR,
  SEEK_END,
  SEEK_SET,
  type SigInfo,
  type Stat,
  type Sys,
} from '../kernel/index.ts'
export {
  type DaxctlEnd,
  daxctl,
  flush_processor_cache,
  hard_flush_processor_cache,
  invalidate_processor_cache,
} from '../server/index.ts'
export { GiB, KiB, MiB, ms, replace, type Step, TiB, us } from '../sim/index.ts'
export { EBUSY, EFAULT, EHWPOISON, EINVAL, EIO, ENODEV, ENOENT, ENOMEM, ENXIO, resultText } from '../wire/index.ts'
export { Fs } from './fs.ts'
export { type AppHandle, type AppOptions, type FamfsOptions, Host, type HostOptions } from './host.ts'
export { buildWorld, isScenario, runScenario, type Scenario, scenario } from './scenario.ts'
export { type Job, Session } from './session.ts'
export { NOTHING, type Without } from './without.ts'
export { type FabricSetting, type RunResult, SAY, World, type WorldOptions } from './world.ts'
