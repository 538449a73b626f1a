// A host with a famfs mounted on /mnt/famfs, made by the steps of `famfs mount` one by one.
import {
  decodeEntry,
  decodeLogHeader,
  ENTRY_SIZE,
  entryOffset,
  type FileEntry,
  LOG_HEADER_SIZE,
  LOG_OFFSET,
  SB_AREA,
} from '../../../src/media/index.ts'
import { famfs_mkfs } from '../../../src/server/index.ts'
import { map_superblock_by_path } from '../../../src/server/lib/by-path.ts'
import { get_role, system_uuid } from '../../../src/server/lib/role.ts'
import { write_shadow_file } from '../../../src/server/lib/shadow.ts'
import type { Host, World } from '../../../src/world/index.ts'
import { asProgram } from './on-host.ts'

const DEV = '/dev/dax0.0'
const MPT = '/mnt/famfs'

/** mkfs on /dev/dax0.0: this host owns it. */
export function mkfs(h: Host, o: { deviceSize: number; logLen?: number; force?: boolean }): void {
  const uuid = (n: number): string => `00000000-0000-4000-8000-00000000000${n}`
  const { value } = asProgram(h, function* (p) {
    const systemUuid = (yield* system_uuid(p))!
    const { logLen = 0x800000, ...rest } = o
    return yield* famfs_mkfs(p.sys, { ...rest, logLen, devName: DEV, fsUuid: uuid(1), devUuid: uuid(2), systemUuid })
  })
  if (value.rc !== 0) throw new Error(value.error)
}

/** Mount what is on /dev/dax0.0, without playing the log. */
export function mount(h: Host): void {
  const { value } = asProgram(h, function* (p) {
    const { sys } = p
    for (const dir of ['/tmp/shadow', '/tmp/shadow/root', '/tmp/shadow/root/.meta', MPT]) yield* sys.mkdir(dir, 0o755)
    const meta = (name: string, mode: number, offset: number, len: number) =>
      write_shadow_file(sys, `/tmp/shadow/root/.meta/${name}`, {
        path: `.meta/${name}`,
        size: len,
        flags: 0,
        mode,
        uid: 0,
        gid: 0,
        fmap: { kind: 'simple', extents: [{ dev: 0, offset, len }] },
      })
    yield* meta('.superblock', 0o444, 0, SB_AREA)
    const o = `daxdev=${DEV},shadow=/tmp/shadow,fsname=${DEV},timeout=31536000.0,allow_other,default_permissions`
    const end = yield* p.run(['famfs_fused', '-o', o, MPT])
    if (end.rc !== 0) return end.err.join('\n')
    const sb = yield* map_superblock_by_path(p, MPT)
    if (sb === null) return 'superblock'
    yield* sys.munmap(sb.addr, sb.len)
    const owner = (yield* get_role(p, sb.sb)) === 'owner'
    yield* meta('.log', owner ? 0o644 : 0o444, sb.sb.logOffset, sb.sb.logLen)
    return ''
  })
  if (value !== '') throw new Error(value)
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
