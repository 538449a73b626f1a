// Two hosts share a file. One line of it is lost, and only h0 is told: h0 refuses its whole device while h1 goes on reading all but
// that line. Recovery is to unmount everywhere, clear the poison, make a new file system and mount it: what was there is lost.
import {
  after,
  EFAULT,
  EHWPOISON,
  EIO,
  ENOENT,
  GiB,
  MiB,
  ms,
  O_RDWR,
  poison,
  type Step,
  type Sys,
  scenario,
} from '../../src/world/index.ts'

const MNT = '/mnt/famfs'
const DEVICE = '/dev/dax0.0'
const BAD = 8192

export default scenario('recover from poison: unmount, clear, mkfs, mount', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const h0 = world.host('h0')
  const h1 = world.host('h1')
  const fs = h0.famfs(MNT, { mkfs: dev })
  fs.creat('/x', MiB(2))
  fs.creat('/y', MiB(2))
  h1.famfs(MNT, { mount: dev })
  const map = fs.fmap('/x')
  const x = map.kind === 'simple' ? map.extents[0]!.offset : 0
  const told = world.fault(
    after('a line of /x is lost says'),
    poison('dax0.0', x + BAD, { how: 'hardware', hosts: ['h0'] }),
  )
  const written = world.gate('written')
  const refused = world.gate('h0 has seen it')
  const gone = world.gate('h1 has unmounted')
  const made = world.gate('the new file system is there')

  /** What pread of 8 bytes at `off` of a file answers. */
  function* read(sys: Sys, path: string, off: number): Step<number> {
    const fd = yield* sys.open(`${MNT}/${path}`)
    if (fd < 0) return fd
    const n = yield* sys.pread(fd, 8, off)
    yield* sys.close(fd)
    return n
  }
  /** A command that must end well. */
  function* must(host: typeof h0, sys: Sys, line: string): Step<void> {
    const end = yield* host.sh(sys, line)
    world.expect(line, end.rc === 0 ? 'ok' : end.err.join('; '), 'ok')
  }

  h0.app('owner', function* (sys) {
    const fd = yield* sys.open(`${MNT}/x`, O_RDWR)
    yield* sys.pwrite(fd, new Uint8Array(BAD * 2).fill(7), 0)
    yield* sys.tool_clflushopt(DEVICE, x, BAD * 2)
    yield* sys.sfence()
    yield* sys.close(fd)
    yield* written.open()
    world.say('a line of /x is lost')
    yield* told.wait()
    world.expect('h0: first read of /x', yield* read(sys, 'x', 0), -EHWPOISON)
    world.expect('h0: and the next', yield* read(sys, 'x', 0), -EIO)
    world.expect('h0: /y, which has lost nothing', yield* read(sys, 'y', 0), -EHWPOISON)
    world.say('h0 was told, and refuses every file of the device')
    yield* refused.open()
    yield* gone.wait()

    world.expect('h0: umount', yield* sys.umount(MNT), 0)
    yield* sys.sleep(ms(1)) // the daemon lets go of the device a moment later
    world.expect('clear poison', yield* sys.clear_poison('dax0.0', x + BAD, 64), 0)
    const line = new Uint8Array(64)
    world.expect('the line on the bare device', yield* sys.tool_read(DEVICE, x + BAD, line), 64)
    world.expect(
      'and what it holds',
      line.every(b => b === 0),
      true,
    )
    yield* must(h0, sys, `mkfs.famfs --force ${DEVICE}`)
    yield* must(h0, sys, `famfs mount ${DEVICE} ${MNT}`)
    world.expect('h0: the file that was there', yield* sys.open(`${MNT}/x`), -ENOENT)
    yield* must(h0, sys, `famfs creat -s 2M ${MNT}/x`)
    world.expect('h0: read of the new /x', yield* read(sys, 'x', BAD), 8)
    world.say('h0 has made a new file system: the old files are gone')
    yield* made.open()
  })

  h1.app('client', function* (sys) {
    yield* written.wait()
    yield* refused.wait()
    world.expect('h1: reads around the line', yield* read(sys, 'x', 0), 8)
    world.expect('h1: and behind it', yield* read(sys, 'x', BAD + 64), 8)
    world.expect('h1: the line itself', yield* read(sys, 'x', BAD), -EFAULT)
    world.expect('h1: /y', yield* read(sys, 'y', 0), 8)
    world.say('h1 was not told, and reads all but the line that is lost')
    world.expect('h1: umount', yield* sys.umount(MNT), 0)
    yield* gone.open()
    yield* made.wait()
    yield* must(h1, sys, `famfs mount ${DEVICE} ${MNT}`)
    world.expect('h1: read of the new /x', yield* read(sys, 'x', BAD), 8)
    world.expect('h1: /y is gone', yield* sys.open(`${MNT}/y`), -ENOENT)
    world.say('h1 mounts what h0 made')
  })
})
