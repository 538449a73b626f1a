// The server gives the space of a file to another while the first is still mapped here (R31, inferred; L21: that shared pages end badly
// was measured). The inode of the second goes, comes again with the new map, and is mapped: a page that is another file's.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MAP_SHARED, MiB, O_RDWR, PROT_READ, scenario } from '../../src/world/index.ts'

export default scenario('a file comes back in the space of another that is mapped (R31)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const s = RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]), y: simpleMap([[0, MiB(2), MiB(2)]]) }, [
    '/dev/dax0.0',
  ])
  scripted(h0, '/mnt', s, { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    for (const name of ['x', 'y']) yield* sys.close(yield* sys.open(`/mnt/${name}`))
  })
  // From now on y lies where x does.
  s.script = req => (req.op.name === 'GET_FMAP' ? { body: s.fmapBody(simpleMap([[0, 0, MiB(2)]])) } : undefined)

  h0.app('mapper of x', function* (sys) {
    const fd = yield* sys.open('/mnt/x', O_RDWR)
    const at = yield* sys.mmap(0, MiB(2), PROT_READ, MAP_SHARED, fd)
    const sig = yield* sys.load_or_signal(at, new Uint8Array(8))
    world.say(`load: ${sig === null ? 'data' : sig.si_code}`)
    yield* sys.munmap(at, MiB(2))
    yield* sys.close(fd)
  })
  h0.app('pressure', function* (sys) {
    yield* sys.drop_caches()
  })
  h0.app('mapper of y', function* (sys) {
    const fd = yield* sys.open('/mnt/y', O_RDWR)
    const at = yield* sys.mmap(0, MiB(2), PROT_READ, MAP_SHARED, fd)
    const sig = yield* sys.load_or_signal(at, new Uint8Array(8))
    world.say(`load: ${sig === null ? 'data' : sig.si_code}`)
    yield* sys.munmap(at, MiB(2))
    yield* sys.close(fd)
  })
})
