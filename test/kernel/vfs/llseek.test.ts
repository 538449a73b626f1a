// lseek(2): holes of tmpfs, and where a server that knows holes is asked.
import { expect, it } from 'vitest'
import { simpleMap } from '../../../src/conform/index.ts'
import { O_CREAT, O_RDWR, SEEK_CUR, SEEK_DATA, SEEK_END, SEEK_HOLE, SEEK_SET } from '../../../src/kernel/index.ts'
import { MiB } from '../../../src/sim/index.ts'
import { fuse_lseek_out } from '../../../src/wire/index.ts'
import { E, logged, setUp } from '../../conformance/set-up.ts'

it('tmpfs: data up to the last page written, then a hole to the next piece', () => {
  const { rig } = setUp({})
  const got = rig.run(function* (sys) {
    const fd = yield* sys.open('/tmp-file', O_RDWR | O_CREAT)
    yield* sys.pwrite(fd, new Uint8Array(5000), 0)
    yield* sys.pwrite(fd, new Uint8Array(100), 0x30000)
    const out = []
    for (const [off, whence] of [
      [0, SEEK_DATA],
      [0, SEEK_HOLE],
      [8192, SEEK_DATA],
      [0x30000, SEEK_HOLE],
      [0x30000 + 100, SEEK_DATA],
      [-1, SEEK_DATA],
      [0, 5],
      [-1, SEEK_SET],
      [7, SEEK_SET],
      [-8, SEEK_CUR],
      [1, SEEK_END],
    ] as const)
      out.push(E(yield* sys.lseek(fd, off, whence)))
    return out
  })
  const end = 0x30000 + 100
  expect(got).toEqual([0, 8192, 0x30000, end, 'ENXIO', 'ENXIO', 'EINVAL', 'EINVAL', 7, 'EINVAL', end + 1])
})

it('a server that knows its holes is asked each time, and its errors come back', () => {
  const { rig, s } = setUp({ f: simpleMap([[0, 0, MiB(2)]]) })
  s.script = req => {
    if (req.op.name !== 'LSEEK') return undefined
    return req.arg.whence === SEEK_HOLE ? { errno: 5 } : { def: fuse_lseek_out, values: { offset: req.arg.offset + 1 } }
  }
  const log = logged(s, () => {
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f')
      return [
        E(yield* sys.lseek(fd, 10, SEEK_DATA)),
        E(yield* sys.lseek(fd, 0, SEEK_CUR)),
        E(yield* sys.lseek(fd, 0, SEEK_HOLE)),
      ]
    })
    expect(got).toEqual([11, 11, 'EIO'])
  })
  expect(log.filter(l => l.startsWith('LSEEK'))).toEqual(['LSEEK:100', 'LSEEK:100:EIO'])
})
