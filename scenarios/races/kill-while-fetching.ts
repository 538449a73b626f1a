// An opener is killed while it waits for its map (R16, measured). If the server has not read the request, it is taken back and the
// opener dies at once. If it has, the opener cannot be killed before the answer: an INTERRUPT goes out, and when the answer comes
// the map is installed. With the kill pending the device is not asked for: the file is EIO until its inode goes.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MiB, ms, resultText, scenario } from '../../src/world/index.ts'

export default scenario('an opener is killed while its map is fetched (R16)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const s = RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0'])
  scripted(h0, '/mnt', s, { threads: 1 })
  s.delays.GET_FMAP = ms(2)

  h0.app('opener', function* (sys) {
    const fd = yield* sys.open('/mnt/x')
    world.say(`open: ${fd < 0 ? resultText(fd) : 'ok'}`)
  })
  h0.app('killer', function* (sys) {
    yield* sys.sleep(ms(1))
    const opener = sys.proc_list().find(p => p.comm === 'opener')
    if (opener === undefined) return world.say('the opener is gone')
    yield* sys.kill(opener.pid, 'SIGKILL')
    const fd = yield* sys.open('/mnt/x')
    world.say(`killed it; read: ${resultText(yield* sys.pread(fd, 8, 0))}`)
    yield* sys.close(fd)
  })
})
