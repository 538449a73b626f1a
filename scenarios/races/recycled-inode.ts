// One inode goes with its map while another comes (R27). The freed inode keeps the pointer to its map, and on a kernel that does not
// clear what it hands out again the next inode would take it for its own. Every kernel the series was posted for clears it: there
// is nothing to find, and a search of all executions says so.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MiB, resultText, scenario } from '../../src/world/index.ts'

export default scenario('an inode goes with its map while another comes (R27)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const file = (at: number): Uint8Array => simpleMap([[0, MiB(at), MiB(2)]])
  scripted(h0, '/mnt', RawServer.of(h0.k.profile, { x: file(0), y: file(2) }, ['/dev/dax0.0']), { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x'))
  })

  h0.app('pressure', function* (sys) {
    yield* sys.drop_caches()
  })
  h0.app('reader', function* (sys) {
    const fd = yield* sys.open('/mnt/y')
    world.say(`read: ${resultText(yield* sys.pread(fd, 8, 0))}, maps asked for: ${world.count('GET_FMAP')}`)
    yield* sys.close(fd)
  })
})
