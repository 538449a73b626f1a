// A map that is visible before the size, the DAX flag and the operations of its inode (R4, L27, inferred). The second opener finds
// the map and asks nobody. If the server told another size at LOOKUP, its read finds a size unlike the map's: ENXIO, and the file
// is bad for good, with a size that is right a moment later. If the sizes agree it may find the flag missing: ENXIO, this once.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MiB, resultText, type Scenario, scenario } from '../../src/world/index.ts'

export const halfPublished = (title: string, lookupSize: number): Scenario =>
  scenario(title, ({ world }) => {
    world.daxdev('dax0.0', { size: MiB(16) })
    const h0 = world.host('h0')
    const s = RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0'])
    s.files.get('x')!.size = lookupSize
    scripted(h0, '/mnt', s)
    const both = [world.gate('a has read'), world.gate('b has read')]
    for (const [i, name] of ['a', 'b'].entries())
      h0.app(name, function* (sys) {
        const fd = yield* sys.open('/mnt/x')
        const first = yield* sys.pread(fd, 8, 0)
        yield* both[i]!.open()
        for (const g of both) yield* g.wait()
        world.say(`read ${resultText(first)}, later ${resultText(yield* sys.pread(fd, 8, 0))}`)
        yield* sys.close(fd)
      })
  })

export default halfPublished('a reader meets a map before the size of the file (R4)', 0)
