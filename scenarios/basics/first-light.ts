// Two hosts share one memory. An application opens a famfs file: the kernel asks the server once for the file's map, and
// from then on a thousand reads and a thousand page faults reach the memory with no message at all. The second host mounts
// the same memory and reads the same bytes. Then one page goes bad, and the kernel of one host refuses the whole device.
import {
  after,
  EHWPOISON,
  EIO,
  ENODEV,
  flush_processor_cache,
  GiB,
  KiB,
  MAP_FIXED,
  MAP_SHARED,
  MiB,
  O_DIRECTORY,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  poison,
  type Step,
  type Sys,
  scenario,
} from '../../src/world/index.ts'

const SIMPLE = MiB(8)
const STRIPED = MiB(64)
const MNT = '/mnt/famfs'

/** Byte `pos` of file number `file`: tells files and places apart. */
export const byteAt = (file: number, pos: number): number => (file * 101 + (pos >> 12) * 7 + pos) & 0xff

/** Within a page of the pattern each byte is one more than the last. */
const RAMP = Uint8Array.from({ length: KiB(4) + 256 }, (_, i) => i)

const pattern = (file: number, pos: number, len: number): Uint8Array => {
  const b = new Uint8Array(len)
  for (let i = 0; i < len; ) {
    const n = Math.min(len - i, KiB(4) - ((pos + i) % KiB(4)))
    const first = byteAt(file, pos + i)
    b.set(RAMP.subarray(first, first + n), i)
    i += n
  }
  return b
}
const same = (file: number, pos: number, b: Uint8Array): boolean =>
  Buffer.compare(b, pattern(file, pos, b.length)) === 0

export default scenario('first light: open once, then reach the memory without the server', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const h0 = world.host('h0')
  const h1 = world.host('h1')
  world.say('h0 makes a famfs on /dev/dax0.0 and mounts it: it is the owner')
  const fs0 = h0.famfs(MNT, { mkfs: dev })
  fs0.creat('/simple', SIMPLE)
  fs0.creat('/striped', STRIPED, { interleave: { nbuckets: 4, nstrips: 4, chunkSize: MiB(2) } })
  world.say('h1 mounts the same memory: it is a client, and plays the log into a tree of its own')
  h1.famfs(MNT, { mount: dev })

  // Before fsdev nobody tells the file system of a page; then, with B62, it tells its users by a read of 0 bytes.
  const { profile } = h0.k
  const told = profile.dax.fs_driver === 'fsdev_dax' && !profile.has('B62')
  // The standalone famfs marks the mount and not a file: from then on all of it answers alike, at the first read as later.
  const [sees_first, sees_later] = profile.t.kabi === null ? [-EHWPOISON, -EIO] : [-ENODEV, -ENODEV]
  // With B58 what ls makes known has no map, and only its server could read it.
  const listed = !profile.has('B58')
  const fmap = fs0.fmap('/simple')
  const first = fmap.kind === 'simple' ? fmap.extents[0]!.offset : 0
  const poison_handled = told
    ? world.fault(after('a page of /simple goes bad says'), poison('dax0.0', first, { hosts: ['h0'] }))
    : null

  const written = world.gate('written')
  const readers = [world.gate('reads done'), world.gate('faults done'), world.gate('second host done')]
  const poisoned = world.gate('poisoned')
  const refused = world.gate('refused')
  let upcalls = 0

  h0.app('writer', function* (sys) {
    upcalls = 0
    world.say('writer opens both files and fills them, by write(2) and by stores; then it flushes them')
    let fd = yield* sys.open(`${MNT}/simple`, O_RDWR)
    for (let pos = 0; pos < SIMPLE; pos += MiB(1)) yield* sys.pwrite(fd, pattern(1, pos, MiB(1)), pos)
    // The hosts' caches are not kept equal: what is to be read on h1 has to be written back.
    const simple = yield* sys.mmap(0, SIMPLE, PROT_READ, MAP_SHARED, fd)
    yield* flush_processor_cache(sys, simple, SIMPLE)
    yield* sys.munmap(simple, SIMPLE)
    yield* sys.close(fd)
    fd = yield* sys.open(`${MNT}/striped`, O_RDWR)
    const at = yield* sys.mmap(0, STRIPED, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
    for (let pos = 0; pos < STRIPED; pos += MiB(2)) {
      yield* sys.store(at + pos, pattern(2, pos, KiB(64)))
      yield* flush_processor_cache(sys, at + pos, KiB(64))
    }
    yield* sys.munmap(at, STRIPED)
    yield* sys.close(fd)
    yield* written.open()
  })

  h0.app('reader', function* (sys) {
    yield* written.wait()
    const fd = yield* sys.open(`${MNT}/simple`, O_RDONLY)
    const before = sys.upcalls()
    const buf = new Uint8Array(64)
    let good = 0
    for (let i = 0; i < 1000; i++) {
      const pos = (i * 8191 * 13) % (SIMPLE - 64)
      if ((yield* sys.pread(fd, buf, pos)) === 64 && same(1, pos, buf)) good++
    }
    world.say(`reader: 1000 reads, ${good} of them right; messages sent during them: ${sys.upcalls() - before}`)
    world.expect('reads that were right', good, 1000)
    world.expect('messages during 1000 reads', sys.upcalls() - before, 0)
    upcalls += sys.upcalls() - before
    yield* readers[0]!.open()

    if (!told) return
    yield* poisoned.wait()
    const first = yield* sys.pread(fd, buf, 0)
    const later = yield* sys.pread(fd, buf, 0)
    world.say(`reader: after the poison: first pread ${name(first)}, then ${name(later)}`)
    world.expect('first pread after poison', first, sees_first)
    world.expect('later pread after poison', later, sees_later)
    yield* refused.open()
    const other = yield* sys.open(`${MNT}/striped`, O_RDONLY)
    const first2 = yield* sys.pread(other, buf, 0)
    const later2 = yield* sys.pread(other, buf, 0)
    world.say(`reader: another file on the device: open ok, first pread ${name(first2)}, then ${name(later2)}`)
    world.expect('first pread of another file', first2, sees_first)
    world.expect('later pread of another file', later2, sees_later)
  })

  h0.app('mapper', function* (sys) {
    yield* written.wait()
    const fd = yield* sys.open(`${MNT}/striped`, O_RDONLY)
    const big = yield* sys.mmap(0, STRIPED, PROT_READ, MAP_SHARED, fd)
    const fd1 = yield* sys.open(`${MNT}/simple`, O_RDONLY)
    // One page off 2 MiB: this mapping can only take small pages.
    const small = yield* sys.mmap(0x600000001000, SIMPLE, PROT_READ, MAP_SHARED | MAP_FIXED, fd1)
    const before = sys.upcalls()
    let good = 0
    const buf = new Uint8Array(8)
    for (let pos = 0; pos < STRIPED; pos += MiB(2)) {
      yield* sys.load(big + pos, buf)
      if (same(2, pos, buf)) good++
    }
    for (let i = 0; i < 1000 - STRIPED / MiB(2); i++) {
      yield* sys.load(small + KiB(4) * i, buf)
      if (same(1, KiB(4) * i, buf)) good++
    }
    const faults = sys.faults()
    world.say(
      `mapper: ${faults} page faults, ${good} loads right; messages sent during them: ${sys.upcalls() - before}`,
    )
    world.expect('page faults', faults, 1000)
    world.expect('loads that were right', good, 1000)
    world.expect('messages during 1000 faults', sys.upcalls() - before, 0)
    upcalls += sys.upcalls() - before
    yield* readers[1]!.open()

    if (!told) return
    yield* poisoned.wait()
    const sig = yield* sys.load_or_signal(small, buf)
    world.say(
      `mapper: a page it had before, the bad one: ${sig ? `${sig.signal} ${sig.si_code}` : 'still readable, no signal'}`,
    )
    world.expect('signal to the old mapping', sig?.signal ?? 'none', 'none')
    yield* refused.wait() // the first access that fails marks the file: let it be the reader's
    const fresh = yield* sys.load_or_signal(small + KiB(4) * 1500, buf)
    world.say(`mapper: a page it never touched: ${fresh ? `${fresh.signal} ${fresh.si_code}` : 'readable'}`)
    world.expect('signal for a fresh page', fresh?.si_code ?? 'none', 'BUS_ADRERR')
  })

  h1.app('far reader', function* (sys) {
    yield* written.wait()
    if (listed) {
      const dir = yield* sys.open(MNT, O_RDONLY | O_DIRECTORY)
      const names = yield* sys.getdents(dir)
      yield* sys.close(dir)
      yield* sys.statfs(MNT)
      world.say(`far reader on h1: ls says ${typeof names === 'number' ? names : names.map(n => n.name).join(' ')}`)
    }
    world.expect('files right on h1', yield* readAll(sys), 2)
    world.say('far reader on h1: both files are the same, byte for byte')
    yield* readers[2]!.open()
    if (!told) return
    yield* poisoned.wait()
    world.expect('files right on h1 after h0 lost the device', yield* readAll(sys), 2)
    world.say('far reader on h1: was not told, and goes on reading')
    yield* sys.drop_caches()
  })

  h0.app('operator', function* () {
    for (const r of readers) yield* r.wait()
    world.say(`1000 reads and 1000 page faults on h0: messages sent during them: ${upcalls}`)
    if (poison_handled === null) return world.say('this kernel tells nobody of a bad page: see B62 and the DAX level')
    world.say('a page of /simple goes bad')
    yield* poison_handled.wait()
    yield* poisoned.open()
  })
})

/** Read both files by read(2) and compare what was written; gives how many files are right. */
function* readAll(sys: Sys): Step<number> {
  let right = 0
  for (const [file, path, size, len] of [
    [1, 'simple', SIMPLE, MiB(1)],
    [2, 'striped', STRIPED, KiB(64)],
  ] as const) {
    const fd = yield* sys.open(`${MNT}/${path}`, O_RDONLY)
    const buf = new Uint8Array(len)
    let good = true
    for (let pos = 0; pos < size; pos += file === 1 ? len : MiB(2))
      good = (yield* sys.pread(fd, buf, pos)) === len && same(file, pos, buf) && good
    yield* sys.close(fd)
    if (good) right++
  }
  return right
}

const NAMES: Record<number, string> = { [-EHWPOISON]: 'EHWPOISON', [-EIO]: 'EIO', [-ENODEV]: 'ENODEV' }
const name = (n: number): string => NAMES[n] ?? String(n)
