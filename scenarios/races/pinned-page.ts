// A page of a file is pinned when its last user goes (R15). A mapping keeps the inode, so a fault and an eviction never meet; a pin, as
// a driver takes it for its transfer, does not. The file is unmapped and closed, and whoever evicts the inode waits, not to be
// killed, until the driver has let go.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { pin_user_pages, unpin_user_pages } from '../../src/kernel/index.ts'
import { MAP_SHARED, MiB, ms, O_RDWR, PROT_READ, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a file goes while a page of it is pinned (R15)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const s = RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0'])
  scripted(h0, '/mnt', s, { threads: 1 })
  const closed = world.gate('closed')

  h0.app('driver', function* (sys) {
    const fd = yield* sys.open('/mnt/x', O_RDWR)
    const at = yield* sys.mmap(0, MiB(2), PROT_READ, MAP_SHARED, fd)
    const pinned = yield* pin_user_pages(sys.ts, at, 4096)
    if (typeof pinned === 'number') return world.say(`pin: ${resultText(pinned)}`)
    yield* sys.munmap(at, MiB(2))
    yield* sys.close(fd)
    yield* closed.open()
    yield* sys.sleep(ms(5))
    yield* unpin_user_pages(pinned)
  })
  h0.app('pressure', function* (sys) {
    yield* closed.wait()
    const from = sys.clock()
    yield* sys.drop_caches()
    world.say(`evicted${sys.clock() - from >= ms(4) ? ', after it waited for the driver' : ''}`)
  })
})
