// Who a host is to a file system: its owner, when the system uuid in the superblock is its own, or a client. The host's uuid is
// the text in /opt/famfs/system_uuid, made by the first program that asks (userspace.md a.7, c.4).
import { O_CREAT, O_RDONLY, O_RDWR, S_ISREG } from '../../kernel/index.ts'
import { parseUuid, type Superblock } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EEXIST } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'

export const SYSTEM_UUID_FILE = '/opt/famfs/system_uuid'
const SYSTEM_UUID_DIR = '/opt/famfs'

export type Role = 'owner' | 'client' | 'nosuper'

/** As fsck prints it. */
export const ROLE_NAME = { owner: 'Owner', client: 'Client', nosuper: 'Invalid superblock' } as const

/** famfs_create_sys_uuid_file(): 0, or -errno after a line. A file that is there stays. */
const create_system_uuid = kfn('famfs_create_sys_uuid_file', function* (p: Proc): Step<number> {
  const { sys } = p
  const st = yield* sys.stat(SYSTEM_UUID_FILE)
  if (typeof st !== 'number' && S_ISREG(st.mode)) return 0
  const made = yield* sys.mkdir(SYSTEM_UUID_DIR, 0o755)
  const fd = made < 0 && made !== -EEXIST ? made : yield* sys.open(SYSTEM_UUID_FILE, O_RDWR | O_CREAT, 0o444)
  if (fd < 0) {
    p.err(`${SYSTEM_UUID_FILE}: cannot be made; as root, see what is at that path`)
    return fd
  }
  const text = Uint8Array.from(`${p.site.uuid()}\0`, c => c.charCodeAt(0))
  const n = yield* sys.write(fd, text)
  yield* sys.close(fd)
  return n < 0 ? n : 0
})

/** famfs_get_system_uuid(): this host's uuid as text; null after a line when it cannot be had. */
export const system_uuid = kfn('famfs_get_system_uuid', function* (p: Proc): Step<string | null> {
  const { sys } = p
  if ((yield* create_system_uuid(p)) < 0) return null
  const fd = yield* sys.open(SYSTEM_UUID_FILE, O_RDONLY)
  const buf = new Uint8Array(64)
  const n = fd < 0 ? fd : yield* sys.read(fd, buf)
  if (fd >= 0) yield* sys.close(fd)
  if (n < 0) {
    p.err(`${SYSTEM_UUID_FILE}: cannot be read`)
    return null
  }
  const [text = ''] = String.fromCharCode(...buf.subarray(0, n)).split(/[\s\0]/)
  if (text === '') {
    p.err(`${SYSTEM_UUID_FILE}: empty; removed, the next program makes it anew`)
    yield* sys.unlink(SYSTEM_UUID_FILE)
    return null
  }
  if (parseUuid(text) !== null) return text.toLowerCase()
  p.err(`${SYSTEM_UUID_FILE}: "${text}" is no uuid, expected 8-4-4-4-12 hexadecimal digits`)
  return null
})

/** famfs_get_role(): what this host is to the file system of a superblock that checks. Without a uuid of its own it is a client. */
export const get_role = kfn('famfs_get_role', function* (p: Proc, sb: Superblock | null): Step<Role> {
  if (sb === null) return 'nosuper'
  return (yield* system_uuid(p)) === sb.systemUuid ? 'owner' : 'client'
})
