// /sys, and device tools at work on the bare device.
import { type DaxMemory, type dev_dax, POISON_LINE } from '../../devdax/index.ts'
import { clear_poison, fabric_clflushopt, fabric_clwb, fabric_read, fabric_write } from '../../fabric/index.ts'
import { kfn, type Op, type Step } from '../../sim/index.ts'
import { EACCES, EINVAL, EIO, ENXIO } from '../../wire/index.ts'
import { sysfs_kf_seq_show, sysfs_kf_write, sysfs_readdir } from '../dax/sysfs.ts'
import type { task_struct } from '../task_struct.ts'
import { syscall } from './entry.ts'
import { MemoryCalls } from './memory.ts'

const sysfs_write = syscall('sysfs_write', sysfs_kf_write)
const sysfs_read = syscall('sysfs_read', sysfs_kf_seq_show)
const sysfs_list = syscall('sysfs_getdents', sysfs_readdir)

/** The device that a tool names, with or without /dev/. */
const toolDevice = (ts: task_struct, device: string): dev_dax | undefined =>
  ts.k.bus.byName(device.replace(/^\/dev\//, ''))

/** The memory of such a device, if the range lies in it. */
const toolMemory = (ts: task_struct, device: string, off: number, len: number): DaxMemory | null => {
  const dev = toolDevice(ts, device)
  return dev === undefined || off + len > dev.memory.size ? null : dev.memory
}

const tool = kfn(
  'device tool',
  function* (ts: task_struct, device: string, off: number, buf: Uint8Array, write: boolean): Step<number> {
    const mem = toolMemory(ts, device, off, buf.length)
    if (mem === null) return -ENXIO
    const n = yield* write ? fabric_write(mem, off, buf, 'tool') : fabric_read(mem, off, buf, 'tool')
    return n < buf.length ? -EIO : n
  },
)

const tool_lines = kfn(
  'device tool cache lines',
  function* (ts: task_struct, device: string, off: number, len: number, instruction: typeof fabric_clwb): Step<number> {
    const mem = toolMemory(ts, device, off, len)
    return mem === null ? -ENXIO : yield* instruction(mem, off, len, 'tool')
  },
)

const pin_system_ram = kfn('pin_system_ram', function* (ts: task_struct, device: string, pin: boolean): Step<number> {
  const dev = toolDevice(ts, device)
  if (dev === undefined) return -ENXIO
  return (pin ? ts.k.hotplug.pin(dev) : ts.k.hotplug.unpin(dev)) ? 0 : -ENXIO
})

/** What device tools do to a list of bad lines: a command to the device for each. Hosts that were told of them stay told. */
const tool_clear = kfn(
  'cxl clear-poison',
  function* (ts: task_struct, device: string, off: number, len: number): Step<number> {
    const dev = toolDevice(ts, device)
    if (dev === undefined) return -ENXIO
    if (!ts.capable('CAP_SYS_ADMIN')) return -EACCES
    if (off % POISON_LINE !== 0 || len % POISON_LINE !== 0 || off < 0 || len <= 0 || off + len > dev.memory.size)
      return -EINVAL
    yield* clear_poison(dev.memory, off, len)
    return 0
  },
)

/** The part of `Sys` that goes to devices past any file system. */
export class DeviceCalls extends MemoryCalls {
  /** What a file below /sys says, without its newline; or -errno. */
  sysfs_read(path: string): Op<string | number> {
    return sysfs_read(this.ts, path)
  }
  /** Write a line to a file below /sys: bytes taken, or -errno. */
  sysfs_write(path: string, text: string): Op<number> {
    return sysfs_write(this.ts, path, text)
  }
  /** Names in a directory below /sys, or -errno. */
  sysfs_list(path: string): Op<string[] | number> {
    return sysfs_list(this.ts, path)
  }
  /** Hold a page of a device that is system RAM, as a driver or an I/O does: 0, or -ENXIO when no block of it is online. */
  pin_system_ram(device: string): Op<number> {
    return pin_system_ram(this.ts, device, true)
  }
  /** Let such a page go: 0, or -ENXIO when none is held. */
  unpin_system_ram(device: string): Op<number> {
    return pin_system_ram(this.ts, device, false)
  }
  /** A device tool reads the bare device (mkfs, daxctl). Bytes, or -errno of finding it. */
  tool_read(device: string, off: number, buf: Uint8Array): Op<number> {
    return tool(this.ts, device, off, buf, false)
  }
  tool_write(device: string, off: number, buf: Uint8Array): Op<number> {
    return tool(this.ts, device, off, buf, true)
  }
  /**
   * A device tool clears the poison of a range (cxl clear-poison, ndctl clear-errors): what was lost reads as zeros. 0, -EACCES,
   * -ENXIO (no such device), -EINVAL (not whole lines, or outside).
   */
  clear_poison(device: string, off: number, len: number): Op<number> {
    return tool_clear(this.ts, device, off, len)
  }
  /** CLWB and CLFLUSHOPT by a device tool; `len` bytes, or -errno of finding the device. */
  tool_clwb(device: string, off: number, len: number): Op<number> {
    return tool_lines(this.ts, device, off, len, fabric_clwb)
  }
  tool_clflushopt(device: string, off: number, len: number): Op<number> {
    return tool_lines(this.ts, device, off, len, fabric_clflushopt)
  }
}
