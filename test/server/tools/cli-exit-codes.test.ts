// The exit codes of mkfs.famfs and every famfs command, line by line in one world, against those of the real programs.
import { describe, expect, it } from 'vitest'
import { tmpfs_create, tmpfs_mkdir } from '../../../src/kernel/index.ts'
import { GiB } from '../../../src/sim/index.ts'
import vectors from '../../vectors/cli-exit-codes.json' with { type: 'json' }
import { logged } from './mounted.ts'
import { asProgram, oneHost } from './on-host.ts'

/** Another exit code than the real one's, and why. */
const EXCEPT: Readonly<Record<string, { readonly rc: number; readonly why: string }>> = {
  'env FAMFS_MODE=zork famfs mount /dev/dax0.0 /mnt/famfs': {
    rc: 0,
    why: 'the kernel it was tried on had no famfs, so without a mode there was none to find; every kernel here has it',
  },
}

/** What was done between two commands, before the one named here. */
const BEFORE: Readonly<Record<string, string>> = {
  'famfs mount -D /dev/dax0.0': 'umount',
  'famfs mount -S /tmp/myshadow /dev/dax0.0 /mnt/famfs': 'umount',
  'famfs mount -t 5 /dev/dax0.0 /mnt/famfs': 'umount',
  'famfs logplay --shadow /tmp/o2 /mnt/famfs': 'mkdir /tmp/o2/root',
}

describe('exit codes, as the real programs', () => {
  const { w, h } = oneHost({ size: GiB(4) })
  tmpfs_create(h.k, '/tmp/hi', 'hi\n')
  tmpfs_create(h.k, '/tmp/empty', '')
  for (const dir of ['/mnt/famfs', '/tmp/myshadow', '/tmp/o2']) tmpfs_mkdir(h.k, dir)
  /** Unmount what there is of /dev/dax0.0. */
  const umount = () =>
    asProgram(h, function* ({ sys }) {
      for (const line of sys.proc_mounts().split('\n')) {
        const [dev, mpt] = line.split(' ')
        if (dev === '/dev/dax0.0') expect(yield* sys.umount(mpt!)).toBe(0)
      }
    })
  // pcq has a table of its own.
  const commands = (vectors.commands as [number, string][]).filter(([, line]) => !line.includes('pcq'))
  const times = new Map<string, number>()
  const seen = commands.map(([rc, line]) => {
    const nth = (times.get(line) ?? 0) + 1
    times.set(line, nth)
    if (BEFORE[line] === 'umount') umount()
    else if (BEFORE[line] !== undefined && nth === 2) tmpfs_mkdir(h.k, '/tmp/o2/root')
    const end = h.cli(line)
    return [line, EXCEPT[line]?.rc ?? rc, end.rc, end] as const
  })
  const made = logged(w).map(e => e.path)
  w.close()
  it.each(seen)('%s: %i', (_, rc, got, end) => expect(got, [...end.out, ...end.err].join('\n')).toBe(rc))
  it('leaves these in the log', () => expect(made).toEqual(['x', 'q', 'huge', '.meta/foo', './dot', 'd', 'hi', 'hi2']))
  it('no exception is there for nothing', () => {
    const real = new Map(commands.map(([rc, line]) => [line, rc]))
    expect(Object.entries(EXCEPT).filter(([line, e]) => real.get(line) === e.rc || e.why === '')).toEqual([])
  })
})
