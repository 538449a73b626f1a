// Devices of a file system beyond the first (userspace.md i.4). The log knows a device by uuid and size; where it is, a host finds
// out for itself and keeps in a file of its own. Whoever plays the log publishes each device beside the shadow tree, before any
// file that lies on it; the daemon reads that when the kernel wants the device. One that is not here has no path there, and only
// the files on it fail.
import { O_CREAT, O_DIRECTORY, O_RDONLY, O_TRUNC, O_WRONLY, type Sys } from '../../kernel/index.ts'
import {
  type AddDaxdevEntry,
  encodeSuperblock,
  parseUuid,
  SB_SIZE,
  type Superblock,
  secondarySuperblock,
} from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EEXIST } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { map_superblock_by_path, SUPERBLOCK_PATH } from './by-path.ts'
import { flush_processor_cache } from './cache.ts'
import { check_daxmode, device_size } from './daxdev.ts'
import { daxdev_file, emit_daxdev, read_daxdev, read_text } from './daxdev-file.ts'
import { dummy_mount, dummy_umount } from './dummy-mount.ts'
import { mmap_whole_file } from './map-file.ts'
import { mpt_by_dev } from './mounts.ts'
import { read_yaml, type Yaml } from './yaml.ts'

const fields_of = (y: Yaml | null | undefined): readonly (readonly [Yaml, Yaml])[] =>
  y !== null && typeof y === 'object' && 'pairs' in y ? y.pairs : []

/** Replace a small file: whoever looks finds the old one or the new one. 0 or -errno. */
const replace_text = kfn('replace file', function* (sys: Sys, path: string, text: string): Step<number> {
  const fd = yield* sys.open(`${path}.tmp`, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
  if (fd < 0) return fd
  const n = yield* sys.write(fd, new TextEncoder().encode(text))
  yield* sys.close(fd)
  return n < 0 ? n : yield* sys.rename(`${path}.tmp`, path)
})

const mkdirs = kfn('mkdir -p', function* (sys: Sys, path: string): Step<number> {
  let at = ''
  for (const name of path.split('/').filter(s => s !== '')) {
    at += `/${name}`
    const rc = yield* sys.mkdir(at, 0o755)
    if (rc < 0 && rc !== -EEXIST) return rc
  }
  return 0
})

/** The superblock of a device that nobody has mounted, through a dummy mount; null: it has none, or cannot be looked at. */
const look_at_device = kfn('look at daxdev', function* (p: Proc, device: string): Step<Superblock | null> {
  const quiet: Proc = { ...p, out: () => {}, err: () => {} }
  if (mpt_by_dev(p, device) !== null || (yield* check_daxmode(quiet, device, false)) < 0) return null
  const mpt = yield* dummy_mount(quiet, device, {})
  if (typeof mpt === 'number') return null
  const map = yield* map_superblock_by_path(quiet, mpt)
  if (map !== null) yield* p.sys.munmap(map.addr, map.len)
  yield* dummy_umount(quiet, mpt)
  return map?.sb ?? null
})

/** Names in a directory. */
const names_in = kfn('readdir', function* (sys: Sys, path: string): Step<string[]> {
  const fd = yield* sys.open(path, O_RDONLY | O_DIRECTORY)
  if (fd < 0) return []
  const list = yield* sys.getdents(fd)
  yield* sys.close(fd)
  return typeof list === 'number' ? [] : list.map(e => e.name)
})

/** Where this host keeps what it found out about a file system's devices. */
const map_file = (fsUuid: string): string => `/var/lib/famfs/${fsUuid}/daxdev_map.yaml`

/** Device uuid to path, as this host wrote it down. */
export const read_daxdev_map = kfn('read daxdev map', function* (sys: Sys, fsUuid: string): Step<Map<string, string>> {
  const text = yield* read_text(sys, map_file(fsUuid))
  const known = new Map<string, string>()
  const [top] = fields_of(read_yaml(text ?? ''))
  for (const [uuid, path] of top?.[0] === 'daxdevs' ? fields_of(top[1]) : [])
    if (typeof uuid === 'string' && typeof path === 'string' && parseUuid(uuid) !== null) known.set(uuid, path)
  return known
})

const write_daxdev_map = kfn(
  'write daxdev map',
  function* (sys: Sys, fsUuid: string, known: ReadonlyMap<string, string>): Step<number> {
    const path = map_file(fsUuid)
    const rc = yield* mkdirs(sys, path.slice(0, path.lastIndexOf('/')))
    if (rc < 0) return rc
    let text = '---\ndaxdevs:\n'
    for (const [uuid, dev] of known.entries()) text += `  ${uuid}: ${dev}\n`
    return yield* replace_text(sys, path, `${text}...\n`)
  },
)

/**
 * Where the device of this uuid is on this host, or null. What was written down is looked at first; then every dax device that is
 * not mounted.
 */
export const resolve_daxdev = kfn('resolve daxdev', function* (p: Proc, fsUuid: string, uuid: string): Step<
  string | null
> {
  const known = yield* read_daxdev_map(p.sys, fsUuid)
  const before = known.get(uuid)
  const is_it = (sb: Superblock | null): boolean => sb !== null && sb.fsUuid === fsUuid && sb.devUuid === uuid
  if (before !== undefined && is_it(yield* look_at_device(p, before))) return before
  const taken = new Set(known.values())
  for (const name of yield* names_in(p.sys, '/dev')) {
    const path = `/dev/${name}`
    if (!/^dax\d+\.\d+$/.test(name) || path === before) continue
    // One that is known to be another of this file system need not be looked at again.
    if (taken.has(path)) continue
    if (!is_it(yield* look_at_device(p, path))) continue
    known.set(uuid, path)
    yield* write_daxdev_map(p.sys, fsUuid, known)
    return path
  }
  if (known.delete(uuid)) yield* write_daxdev_map(p.sys, fsUuid, known)
  return null
})

/** What publishing a device came to. */
export type Published = 'there' | 'found' | 'missing'

/**
 * Publish a device that the log adds: beside the tree lies what the daemon needs to know. One that is there with a path stays;
 * one that was missing is looked for again.
 */
export const publish_daxdev = kfn(
  'publish daxdev',
  function* (
    p: Proc,
    shadow: string,
    sb: Superblock,
    { index, uuid, size }: Pick<AddDaxdevEntry, 'index' | 'uuid' | 'size'>,
  ): Step<Published | number> {
    const old = yield* read_daxdev(p.sys, shadow, index)
    if (old !== null && old.uuid === uuid && old.path !== null) return 'there'
    const path = yield* resolve_daxdev(p, sb.fsUuid, uuid)
    const made = yield* mkdirs(p.sys, `${shadow}/daxdevs`)
    const rc =
      made < 0 ? made : yield* replace_text(p.sys, daxdev_file(shadow, index), emit_daxdev({ index, uuid, size, path }))
    if (rc < 0) return rc
    if (path !== null) return 'found'
    p.err(`device ${index} (uuid ${uuid}) is not on this host: files that lie on it will fail; see famfs daxdev`)
    return 'missing'
  },
)

/**
 * Make a device one of a file system's: its superblock says whose it is, and that the log is elsewhere. What the log's entry is to
 * say of it, or null after a line. A device with a famfs superblock is taken with `force` only.
 */
export const format_secondary = kfn(
  'format daxdev',
  function* (
    p: Proc,
    device: string,
    primary: Superblock,
    force: boolean,
  ): Step<{ uuid: string; size: number } | null> {
    const { sys } = p
    const size = yield* device_size(p, device)
    if (size < 0 || (yield* check_daxmode(p, device, false)) < 0) return null
    const there = mpt_by_dev(p, device)
    if (there !== null) {
      p.err(`${device}: mounted on ${there}`)
      return null
    }
    if (!force && (yield* look_at_device(p, device)) !== null) {
      p.err(`${device}: already has a famfs superblock; --force writes over it`)
      return null
    }
    const mpt = yield* dummy_mount(p, device, {})
    if (typeof mpt === 'number') return null
    const map = yield* mmap_whole_file(sys, `${mpt}/${SUPERBLOCK_PATH}`, true)
    const uuid = p.site.uuid()
    if (typeof map !== 'number') {
      yield* sys.store(map.addr, encodeSuperblock(secondarySuperblock(primary, { devUuid: uuid, size, name: device })))
      yield* flush_processor_cache(sys, map.addr, SB_SIZE)
      yield* sys.munmap(map.addr, map.len)
    } else p.err(`${device}: its superblock cannot be mapped`)
    yield* dummy_umount(p, mpt)
    return typeof map === 'number' ? null : { uuid, size }
  },
)
