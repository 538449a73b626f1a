// What statfs(2) says of a mount: numbers of the file system that the shadow tree lies on (Q30), or those of the devices and of
// what the files on them take.
import { O_DIRECTORY, O_NOFOLLOW, O_PATH, O_RDONLY, S_ISDIR, S_ISREG, type StatFs } from '../../kernel/index.ts'
import { AU_SIZE } from '../../media/index.ts'
import { divDown, kfn, max, roundUp, type Step } from '../../sim/index.ts'
import { read_daxdev } from '../lib/daxdev-file.ts'
import type { Fused, Worker } from './fused.ts'
import { read_shadow } from './lookup.ts'

const BLOCK = 4096

interface Usage {
  bytes: number
  files: number
}

/** Bytes of a device, as sysfs has it; 0 for one that is not there. */
const device_size = kfn('famfs_device_size', function* (w: Worker, path: string): Step<number> {
  const size = yield* w.sys.sysfs_read(`/sys/bus/dax/devices/${path.slice(path.lastIndexOf('/') + 1)}/size`)
  return typeof size === 'number' ? 0 : Number(size)
})

/** Names in a directory, none when there is no such directory. */
const names_in = kfn('famfs_names_in', function* (w: Worker, path: string): Step<string[]> {
  const fd = yield* w.sys.open(path, O_RDONLY | O_DIRECTORY)
  if (fd < 0) return []
  const list = yield* w.sys.getdents(fd)
  yield* w.sys.close(fd)
  return typeof list === 'number' ? [] : list.map(e => e.name)
})

/** What the files below a directory of the shadow tree take, each extent in whole allocation units. */
const usage_below = kfn('famfs_usage', function* (w: Worker, dir: number, sum: Usage): Step<void> {
  const list = yield* w.sys.getdents(dir)
  if (typeof list === 'number') return
  for (const { name } of list) {
    const fd = yield* w.sys.openat(dir, name, O_PATH | O_NOFOLLOW)
    if (fd < 0) continue
    const st = yield* w.sys.fstat(fd)
    yield* w.sys.close(fd)
    if (typeof st === 'number') continue
    if (S_ISDIR(st.mode)) {
      const below = yield* w.sys.openat(dir, name, O_RDONLY | O_DIRECTORY)
      if (below < 0) continue
      yield* usage_below(w, below, sum)
      yield* w.sys.close(below)
    }
    if (!S_ISREG(st.mode)) continue
    const meta = yield* read_shadow(w, dir, name, st)
    if (typeof meta === 'number' || typeof meta === 'string') continue
    sum.files++
    const { fmap } = meta
    for (const e of fmap.kind === 'simple' ? fmap.extents : fmap.strips) sum.bytes += roundUp(e.len, AU_SIZE)
  }
})

/** The numbers, or -errno. */
export const fused_statfs = kfn('famfs_fused statfs', function* (d: Fused, w: Worker): Step<StatFs | number> {
  const st = yield* w.sys.statfs(d.rootPath)
  if (d.server.has('Q30') || typeof st === 'number') return st
  let size = yield* device_size(w, d.options.daxdev ?? '')
  for (const name of yield* names_in(w, `${d.dir}/daxdevs`)) {
    const dev = yield* read_daxdev(w.sys, d.dir, Number(name))
    if (dev !== null) size += dev.size
  }
  const sum: Usage = { bytes: 0, files: 0 }
  const fd = yield* w.sys.openat(d.icache.root.fd, '.', O_RDONLY | O_DIRECTORY)
  if (fd < 0) return fd
  yield* usage_below(w, fd, sum)
  yield* w.sys.close(fd)
  const bfree = divDown(max(0, size - sum.bytes), BLOCK)
  return {
    ...st,
    bsize: BLOCK,
    frsize: BLOCK,
    blocks: divDown(size, BLOCK),
    bfree,
    bavail: bfree,
    files: sum.files,
    ffree: 0,
  }
})
