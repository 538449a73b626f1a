// A famfs on /dev/dax0.0, mounted on /mnt/famfs, and what its log says.
import { tmpfs_mkdir } from '../../../src/kernel/index.ts'
import {
  decodeEntry,
  decodeLogHeader,
  ENTRY_SIZE,
  entryOffset,
  type FileEntry,
  LOG_HEADER_SIZE,
  LOG_OFFSET,
  mkfsPlan,
} from '../../../src/media/index.ts'
import { system_uuid } from '../../../src/server/lib/role.ts'
import type { Host, World } from '../../../src/world/index.ts'
import { asProgram } from './on-host.ts'

const DEV = '/dev/dax0.0'

/**
 * What mkfs leaves on /dev/dax0.0, written by a device tool: this host owns it. Unlike mkfs.famfs it takes a device of any size, and
 * may say that it is smaller than it is.
 */
export function mkfs(h: Host, o: { deviceSize: number; logLen?: number }): void {
  const uuid = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`
  asProgram(h, function* (p) {
    const plan = mkfsPlan({
      deviceSize: o.deviceSize,
      logLen: o.logLen ?? 0x800000,
      devName: DEV,
      fsUuid: uuid(1),
      devUuid: uuid(2),
      systemUuid: (yield* system_uuid(p))!,
      minDeviceSize: 0,
    })
    if ('error' in plan) throw new Error(plan.error)
    for (const s of plan.steps) {
      if (s.do === 'write') yield* p.sys.tool_write(DEV, s.at, s.bytes)
      else if (s.do === 'zero') yield* p.sys.tool_write(DEV, s.at, new Uint8Array(s.len))
      else if (s.do === 'flush') yield* p.sys.tool_clwb(DEV, s.at, s.len)
    }
    yield* p.sys.sfence()
  })
}

/** Mount what is on /dev/dax0.0. */
export function mount(h: Host): void {
  tmpfs_mkdir(h.k, '/mnt/famfs')
  const end = h.cli('famfs mount /dev/dax0.0 /mnt/famfs')
  if (end.rc !== 0) throw new Error(end.err.join('; '))
}

/** The 544 bytes of each entry in use, as they are in the memory of dax0.0. */
export function entriesOf(w: World): Uint8Array[] {
  const { memory } = w.memory('dax0.0')!
  const read = (at: number, len: number): Uint8Array => {
    const b = new Uint8Array(len)
    memory.read(LOG_OFFSET + at, b)
    return b
  }
  const head = decodeLogHeader(read(0, LOG_HEADER_SIZE))
  if (!head.ok) throw new Error(head.why)
  return Array.from({ length: head.header.nextIndex }, (_, i) => read(entryOffset(i), ENTRY_SIZE))
}

/** The same decoded: files and directories. */
export const logged = (w: World): FileEntry[] => entriesOf(w).map(b => decodeEntry(b) as FileEntry)
