// df, umount, sync: file systems as a whole.
import { divUp, kfn, max, type Step } from '../../../sim/index.ts'
import { EBUSY, EINVAL, EPERM } from '../../../wire/index.ts'
import { type MountLine, mount_lines } from '../../lib/mounts.ts'
import { realpath } from '../../lib/path.ts'
import { program, type Run } from './tool.ts'

/** The mount that a path lies on; null after a line. */
const mount_of = kfn('mount of', function* (t: Run, path: string): Step<MountLine | null> {
  const real = yield* realpath(t.p.sys, path)
  if (real.rc < 0 || real.path === null) {
    t.complain(path, real.rc)
    return null
  }
  const below = (mpt: string): boolean => mpt === '/' || `${real.path}/`.startsWith(`${mpt}/`)
  const found = mount_lines(t.p).filter(l => below(l.mpt))
  return found.reduce((best, l) => (l.mpt.length >= best.mpt.length ? l : best))
})

const UNIT = 1024

export const df_main = program({
  name: 'df',
  usage: '[FILE...]',
  run: kfn('df', function* (t: Run): Step<number> {
    let rc = 0
    const mounts: MountLine[] = t.operands.length === 0 ? mount_lines(t.p) : []
    for (const path of t.operands) {
      const m = yield* mount_of(t, path)
      if (m === null) rc = 1
      else mounts.push(m)
    }
    const rows = [['Filesystem', '1K-blocks', 'Used', 'Available', 'Use%', 'Mounted on']]
    for (const m of mounts) {
      const st = yield* t.p.sys.statfs(m.mpt)
      if (typeof st === 'number') {
        t.complain(m.mpt, st)
        rc = 1
        continue
      }
      const blocks = (n: number): number => (n * st.bsize) / UNIT
      const used = st.blocks - st.bfree
      const of = used + st.bavail
      const percent = of === 0 ? '-' : `${divUp(used * 100, of)}%`
      rows.push([m.dev, ...[st.blocks, used, st.bavail].map(n => String(blocks(n))), percent, m.mpt])
    }
    const widths = [0, 1, 2, 3, 4].map(c => rows.reduce((w, r) => max(w, r[c]!.length), 0))
    if (rows.length > 1)
      for (const r of rows)
        t.p.out(
          r
            .map((cell, c) => (c === 0 ? cell.padEnd(widths[0]!) : c === 5 ? cell : cell.padStart(widths[c]!)))
            .join(' '),
        )
    return rc
  }),
})

/** What umount(8) says, and its exit code for a failed umount(2). */
const UMOUNT_FAILED = 32
const WHY: ReadonlyMap<number, string> = new Map([
  [-EBUSY, 'target is busy.'],
  [-EINVAL, 'not mounted.'],
  [-EPERM, 'must be superuser to unmount.'],
])

export const umount_main = program({
  name: 'umount',
  usage: 'MOUNTPOINT|DEVICE...',
  least: 1,
  run: kfn('umount', function* (t: Run): Step<number> {
    let failed = 0
    for (const path of t.operands) {
      const at = mount_lines(t.p).findLast(l => l.dev === path && path.startsWith('/'))?.mpt ?? path
      const n = yield* t.p.sys.umount(at)
      if (n >= 0) continue
      const why = WHY.get(n)
      if (why === undefined) t.complain(path, n)
      else t.complain(`${path}: ${why}`)
      failed++
    }
    return failed > 0 ? UMOUNT_FAILED : 0
  }),
})

/** Nothing here is written back later. */
export const sync_main = program({
  name: 'sync',
  usage: '',
  most: 0,
  run: kfn('sync', function* (): Step<number> {
    return 0
  }),
})
