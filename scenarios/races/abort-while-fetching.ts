// The connection is aborted while an opener waits (R17, measured), and the server, which knows nothing of it, answers too late (R18,
// measured): its write gets ENOENT. While the map is fetched the open fails with ECONNABORTED. While the device is fetched it does
// not: the map is installed, the open is good, and every access gives EIO (L13).
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { fuse_abort_conn } from '../../src/kernel/index.ts'
import { ENOENT, MiB, ms, resultText, scenario } from '../../src/world/index.ts'

export default scenario('the connection is aborted while a file is opened (R17, R18)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const s = RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0'])
  const { dev } = scripted(h0, '/mnt', s)
  s.delays.GET_FMAP = ms(2)

  h0.app('opener', function* (sys) {
    const fd = yield* sys.open('/mnt/x')
    if (fd < 0) return world.say(`open: ${resultText(fd)}`)
    world.say(`open: ok, read: ${resultText(yield* sys.pread(fd, 8, 0))}`)
    yield* sys.close(fd)
  })
  h0.app('admin', function* (sys) {
    yield* sys.sleep(ms(1))
    yield* fuse_abort_conn(dev.fc)
  })
  world.sometimes('R18: a reply comes too late', () => s.wrote.includes(-ENOENT))
})
