// Where the struct pages of a shared device lie. Each kernel keeps 64 bytes for each 4 KiB page: in its own memory, in the
// device itself, or in a memory of its own. h0 has a famfs file mapped while h1 binds the device anew and maps it raw. With
// struct pages in the device h1 writes over what h0 counted there; with separate ones it cannot.
import {
  daxctl,
  GiB,
  MAP_SHARED,
  MiB,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  type Scenario,
  type StructPages,
  scenario,
} from '../../src/world/index.ts'

const MNT = '/mnt/famfs'
const FILE = MiB(4)

/** @param bad the memory that holds the struct page of the file's first page goes bad under h0 */
export const structPages = (where: StructPages, bad: boolean): Scenario =>
  scenario(`struct pages of two hosts: ${where}${bad ? ', and one goes bad' : ''}`, ({ world }) => {
    const dev = world.daxdev('dax0.0', { size: GiB(4) })
    const h0 = world.host('h0', { structPages: where })
    const h1 = world.host('h1', { structPages: where })
    const fs = h0.famfs(MNT, { mkfs: dev })
    fs.creat('/f', FILE)
    const fmap = fs.fmap('/f')
    const at = fmap.kind === 'simple' ? fmap.extents[0]!.offset : 0
    const mapped = world.gate('mapped')
    const done = world.gate('done')

    h0.app('reader', function* (sys) {
      const fd = yield* sys.open(`${MNT}/f`, O_RDONLY)
      const map = yield* sys.mmap(0, FILE, PROT_READ, MAP_SHARED, fd)
      yield* sys.load(map, new Uint8Array(8))
      if (bad) h0.poisonStructPage(dev, at)
      yield* mapped.open()
      yield* done.wait()
      yield* sys.munmap(map, FILE)
    })
    h1.app('other', function* (sys) {
      yield* mapped.wait()
      world.expect('h1 binds', (yield* daxctl(sys, ['reconfigure-device', '-m', 'devdax', 'dax0.0'])).rc, 0)
      // h0 must come to its munmap even if this host's kernel dies at its next fault.
      yield* done.open()
      const fd = yield* sys.open('/dev/dax0.0', O_RDWR)
      const map = yield* sys.mmap(0, MiB(2), PROT_READ, MAP_SHARED, fd, at)
      yield* sys.load(map, new Uint8Array(8))
    })
  })

export default structPages('separate', false)
