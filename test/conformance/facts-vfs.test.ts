// Facts measured on a real kernel that the VFS answers for, one test each, named by the fact's id.
import { describe, expect, it } from 'vitest'
import { simpleMap } from '../../src/conform/index.ts'
import { SEEK_DATA, SEEK_END, SEEK_HOLE } from '../../src/kernel/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { E, logged, setUp } from './set-up.ts'

const fact = it

/** 3 MiB and 100 bytes in an extent of 4 MiB. */
const ODD_SIZE = MiB(3) + 100
const ODD = simpleMap([[0, 0, MiB(4)]], ODD_SIZE)

describe('positions', () => {
  fact('rw.lseek', () => {
    const { rig, s } = setUp({ f: ODD })
    let got: unknown[] = []
    const log = logged(s, () => {
      got = rig.run(function* (sys) {
        const fd = yield* sys.open('/mnt/f')
        const to = []
        for (const [off, whence] of [
          [0, SEEK_END],
          [0, SEEK_DATA],
          [0, SEEK_HOLE],
          [ODD_SIZE, SEEK_DATA],
        ] as const)
          to.push(E(yield* sys.lseek(fd, off, whence)))
        return to
      })
    })
    expect(got).toEqual([ODD_SIZE, 0, ODD_SIZE, 'ENXIO'])
    expect(log.filter(l => l.startsWith('LSEEK'))).toEqual(['LSEEK:100:ENOSYS'])
  })
})
