// Lives worth drawing: how a driver comes to a device and leaves it, and what daxctl's modes can become (kernel.md 2.15).
// xstate definitions: the first is compiled into every dev_dax, the second is what the tool daxctl asks.
import type { LifecycleConfig } from '../sim/index.ts'

export type BindState = 'unbound' | 'probing' | 'bound' | 'removing'
export type BindEvent = 'PROBE' | 'PROBED' | 'FAILED' | 'REMOVE' | 'REMOVED'

/** One device and whichever driver: really_probe() and device_release_driver(). */
export const bindingLife: LifecycleConfig<BindState, BindEvent> = {
  id: 'dev_dax',
  initial: 'unbound',
  states: {
    unbound: { on: { PROBE: 'probing' } },
    /** The driver sets the device up, step by step; what fails undoes the steps before it. */
    probing: { on: { PROBED: 'bound', FAILED: 'unbound' } },
    bound: { on: { REMOVE: 'removing' } },
    /** Steps are undone, newest first. */
    removing: { on: { REMOVED: 'unbound' } },
  },
}

/** Modes as daxctl and ndctl name them; a device without a driver is disabled. */
export type DaxMode = 'devdax' | 'famfs' | 'system-ram' | 'fsdax' | 'disabled'
/** What is asked of a device: `reconfigure-device -m`, the other commands of daxctl, and ndctl's namespace modes. */
export type ModeEvent =
  | 'DEVDAX'
  | 'FAMFS'
  | 'SYSTEM_RAM'
  | 'ENABLE'
  | 'DISABLE'
  | 'ONLINE'
  | 'OFFLINE'
  | 'NAMESPACE_DEVDAX'
  | 'NAMESPACE_FSDAX'

/** What every device may become that is no memory and on the dax bus. */
const OF_THE_BUS = {
  DEVDAX: 'devdax',
  FAMFS: 'famfs',
  SYSTEM_RAM: 'system-ram',
  DISABLE: 'disabled',
  NAMESPACE_DEVDAX: 'devdax',
  NAMESPACE_FSDAX: 'fsdax',
} as const

/**
 * What is allowed. From system-ram famfs is refused (go through devdax), and enabling and disabling are not for memory. A
 * namespace in fsdax mode is no device that daxctl sees.
 */
export const daxModes: LifecycleConfig<DaxMode, ModeEvent> = {
  id: 'mode of a dax device',
  initial: 'disabled',
  states: {
    disabled: { on: { ...OF_THE_BUS, ENABLE: 'devdax' } },
    devdax: { on: { ...OF_THE_BUS, ENABLE: 'devdax' } },
    famfs: { on: { ...OF_THE_BUS, ENABLE: 'famfs' } },
    'system-ram': { on: { DEVDAX: 'devdax', SYSTEM_RAM: 'system-ram', ONLINE: 'system-ram', OFFLINE: 'system-ram' } },
    fsdax: { on: { NAMESPACE_DEVDAX: 'devdax', NAMESPACE_FSDAX: 'fsdax' } },
  },
}
