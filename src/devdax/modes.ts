// Lives worth drawing: how a driver comes to a device and leaves it, and what daxctl's modes can become (kernel.md 2.15).
// xstate definitions: the first is compiled into every dev_dax, the second is what `daxctl reconfigure-device` reads.
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

/** Modes as daxctl names them; a device without a driver is disabled. */
export type DaxMode = 'devdax' | 'famfs' | 'system-ram' | 'disabled'
export type ModeEvent = 'DEVDAX' | 'FAMFS' | 'SYSTEM_RAM' | 'DISABLE'

/** What `reconfigure-device -m` and `disable-device` allow. From system-ram famfs is refused: go through devdax. */
export const daxModes: LifecycleConfig<DaxMode, ModeEvent> = {
  id: 'daxctl mode',
  initial: 'disabled',
  states: {
    disabled: { on: { DEVDAX: 'devdax', FAMFS: 'famfs', SYSTEM_RAM: 'system-ram', DISABLE: 'disabled' } },
    devdax: { on: { DEVDAX: 'devdax', FAMFS: 'famfs', SYSTEM_RAM: 'system-ram', DISABLE: 'disabled' } },
    famfs: { on: { DEVDAX: 'devdax', FAMFS: 'famfs', SYSTEM_RAM: 'system-ram', DISABLE: 'disabled' } },
    'system-ram': { on: { DEVDAX: 'devdax', SYSTEM_RAM: 'system-ram', DISABLE: 'disabled' } },
  },
}
