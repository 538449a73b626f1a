// Which dax device a test of mode changes may have (B52: daxctl's own test took the first it saw): one without a file system
// on it, that nobody holds, and that is nobody's memory. Null: none, and the test is to be skipped.
import type { Sys } from '../../src/kernel/index.ts'
import { decodeSuperblock, SB_SIZE } from '../../src/media/index.ts'
import type { Step } from '../../src/sim/index.ts'

export function* pickDevice(sys: Sys): Step<string | null> {
  const names = yield* sys.sysfs_list('/sys/bus/dax/devices')
  if (typeof names === 'number') return null
  for (const name of names) {
    const driver = yield* sys.sysfs_read(`/sys/bus/dax/devices/${name}/driver`)
    if (driver === 'fsdev_dax' || driver === 'kmem') continue
    if (sys.ts.k.bus.byName(name)!.dax_dev.holder_data.peek() !== null) continue
    const first = new Uint8Array(SB_SIZE)
    if ((yield* sys.tool_read(name, 0, first)) < 0) continue
    const sb = decodeSuperblock(first)
    // Code 1: the magic is there and something else is wrong. It may be all that is left of somebody's data.
    if (!sb.ok && sb.code !== 1) return name
  }
  return null
}
