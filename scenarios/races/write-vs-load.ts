// A program writes with write(2) what another has mapped (R22, L01; that the mapping goes was measured). famfs passes the operation's
// flags on as the mapping's, where a write reads as a new extent: the pages of the range are unmapped and their entries dropped, in
// every process. Who loads meanwhile faults again, and may put its entry back before the write is done.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MAP_SHARED, MiB, O_RDWR, PROT_READ, PROT_WRITE, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a page is written by a call while another program loads from it (R22)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  scripted(h0, '/mnt', RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0']), { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x'))
  })

  h0.app('loader', function* (sys) {
    const fd = yield* sys.open('/mnt/x', O_RDWR)
    const at = yield* sys.mmap(0, MiB(2), PROT_READ | PROT_WRITE, MAP_SHARED, fd)
    const byte = new Uint8Array(1)
    for (let i = 0; i < 3; i++) yield* sys.load(at, byte)
    world.say(`${sys.faults()} faults for 3 loads`)
    yield* sys.munmap(at, MiB(2))
    yield* sys.close(fd)
  })
  h0.app('writer', function* (sys) {
    const fd = yield* sys.open('/mnt/x', O_RDWR)
    world.say(`write: ${resultText(yield* sys.pwrite(fd, Uint8Array.of(1), 0))}`)
    yield* sys.close(fd)
  })
})
