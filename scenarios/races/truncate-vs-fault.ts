// A file gets shorter while a page of it is faulted in (R13, L08, inferred). The fault holds no invalidate_lock: it has looked at the
// size, the truncation takes away what is mapped, and then the fault inserts its page, past the new end. It stays until the file is
// unmapped. Later faults fail, as the size is unlike the map's.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { KiB, MAP_SHARED, MiB, ms, O_RDWR, PROT_READ, resultText, scenario } from '../../src/world/index.ts'

const PAGE = KiB(4)

export default scenario('a file is truncated while a page of it is faulted in (R13)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const s = RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0'])
  s.truncates = true
  const { fc } = scripted(h0, '/mnt', s, { threads: 1 }).dev
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x'))
  })

  h0.app('mapper', function* (sys) {
    const fd = yield* sys.open('/mnt/x', O_RDWR)
    // Too small for 2 MiB: a single page.
    const at = yield* sys.mmap(0, MiB(1), PROT_READ, MAP_SHARED, fd, MiB(1))
    if (at < 0) return world.say(`mmap: ${resultText(at)}`)
    const sig = yield* sys.load_or_signal(at, new Uint8Array(8))
    world.say(`load past the new end: ${sig === null ? 'data' : sig.si_code}`)
  })
  h0.app(
    'truncate',
    function* (sys) {
      world.say(`truncate: ${resultText(yield* sys.truncate('/mnt/x', PAGE))}`)
    },
    { at: ms(1) },
  )
  world.sometimes('R13: a page past the end is mapped', () => {
    const inode = fc.inodes.get(100)
    return inode?.i_size.peek() === PAGE && inode.i_mapping.i_pages.values().some(e => e.index >= 1)
  })
})
