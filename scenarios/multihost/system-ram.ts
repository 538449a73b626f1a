// One host makes a shared device its system RAM. Going online clears it, for everybody: the famfs that another host has
// mounted is gone under its feet, and nobody tells that host. What it has in its CPU cache it goes on reading; of the rest
// it reads zeros, with no error.
import { daxctl, GiB, KiB, MAP_SHARED, MiB, O_RDWR, PROT_READ, PROT_WRITE, scenario } from '../../src/world/index.ts'

const MNT = '/mnt/famfs'
const FILE = MiB(2)
const PAGE = KiB(4)

const left = (b: Uint8Array): number => b.filter(x => x !== 0).length

export default scenario('one host takes the shared memory as system RAM', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const h0 = world.host('h0')
  const h1 = world.host('h1')
  h0.famfs(MNT, { mkfs: dev }).creat('/f', FILE)
  const written = world.gate('written')
  const online = world.gate('online')

  h0.app('reader', function* (sys) {
    const fd = yield* sys.open(`${MNT}/f`, O_RDWR)
    const map = yield* sys.mmap(0, FILE, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
    yield* sys.store(map, new Uint8Array(2 * PAGE).fill(7))
    // Both pages are in the memory then; of the first the cache keeps its lines.
    yield* sys.clwb(map, PAGE)
    yield* sys.clflushopt(map + PAGE, PAGE)
    yield* sys.sfence()
    yield* written.open()
    yield* online.wait()
    const b = new Uint8Array(PAGE)
    yield* sys.load(map, b)
    world.expect('bytes left of what the cache has', left(b), PAGE)
    yield* sys.load(map + PAGE, b)
    world.expect('bytes left of the rest', left(b), 0)
    yield* sys.clflushopt(map, PAGE)
    yield* sys.sfence()
    yield* sys.load(map, b)
    world.expect('bytes left once the cache has let go', left(b), 0)
    world.say('reader on h0: no error and no signal, and every byte of the file is zero')
  })
  h1.app('operator', function* (sys) {
    yield* written.wait()
    world.say('h1: daxctl reconfigure-device -m system-ram dax0.0')
    const end = yield* daxctl(sys, ['reconfigure-device', '-m', 'system-ram', 'dax0.0'])
    world.expect('daxctl on h1', end.rc, 0)
    yield* online.open()
  })
})
