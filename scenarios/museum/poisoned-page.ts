// The "poisoned page" (B04): a tool maps /dev/dax0.0 and touches the pages where a file will lie; then the device gets a
// famfs, and somebody faults on the file. What the raw mapping leaves in the folios meets the fault: on 6.14 a warning, on
// 6.15 the fault fails, and the fsdev driver resets the folios when it is bound. Try it with --dax devdax-6.14, and with
// --defect B04w on top: the warning is gone, the folio is as it was.
import {
  GiB,
  MAP_SHARED,
  MiB,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  type Step,
  type Sys,
  scenario,
} from '../../src/world/index.ts'

const MNT = '/mnt/famfs'
const FILE = MiB(2)
/** Behind superblock and log: what is touched is 8 MiB from there on. */
const FROM = MiB(10)
const TOUCHED = MiB(8)

/** What a device tool does: map the device, store into each of its pages, unmap. */
function* tool(sys: Sys): Step<number> {
  const fd = yield* sys.open('/dev/dax0.0', O_RDWR)
  const at = yield* sys.mmap(0, TOUCHED, PROT_READ | PROT_WRITE, MAP_SHARED, fd, FROM)
  if (at < 0) return at
  for (let off = 0; off < TOUCHED; off += MiB(2)) yield* sys.store(at + off, Uint8Array.of(1))
  yield* sys.munmap(at, TOUCHED)
  return yield* sys.close(fd)
}

export default scenario('a page that a tool has mapped, then a famfs file on it', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4), mode: 'devdax' })
  const h0 = world.host('h0')
  world.say('a tool maps /dev/dax0.0 and stores into it, as mkfs did once')
  const mapped = world.setup(h0, 'tool', tool)
  // On the levels without fsdev a famfs goes straight onto the devdax device.
  if (h0.k.profile.dax.fs_driver === 'fsdev_dax') h0.daxctl('reconfigure-device', '-m', 'famfs', 'dax0.0')
  const fs = h0.famfs(MNT, { mkfs: dev })
  fs.creat('/f', FILE)
  const fmap = fs.fmap('/f')
  const at = fmap.kind === 'simple' ? fmap.extents[0]!.offset : 0

  h0.app('reader', function* (sys) {
    world.expect('what the tool got', mapped, 0)
    world.expect('the file lies where the tool was', at >= FROM && at + FILE <= FROM + TOUCHED, true)
    const fd = yield* sys.open(`${MNT}/f`, O_RDWR)
    const map = yield* sys.mmap(0, FILE, PROT_READ, MAP_SHARED, fd)
    const sig = yield* sys.load_or_signal(map, new Uint8Array(8))
    world.say(`reader: a fault on the page: ${sig === null ? 'data' : `${sig.signal} ${sig.si_code}`}`)
    world.expect('the fault on the page', sig?.si_code ?? 'data', 'data')
  })
})
