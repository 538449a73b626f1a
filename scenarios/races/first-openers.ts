// The first openers on a mount, of two files on one device (R2, R3, measured). Both find no device table, both make one, and one
// of them frees its own. Both then find the slot empty and ask for the device; the server names another device the second time,
// XX
import { pushDaxdev, RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { Cell } from '../../src/sim/index.ts'
import { encodeDaxdev } from '../../src/wire/index.ts'
import { MiB, resultText, scenario } from '../../src/world/index.ts'

export default scenario('two files are the first on a mount (R2, R3)', ({ world }) => {
  for (const d of ['dax0.0', 'dax1.0']) world.daxdev(d, { size: MiB(16) })
  const h0 = world.host('h0')
  const file = (at: number): Uint8Array => simpleMap([[0, MiB(at), MiB(2)]])
  const s = RawServer.of(h0.k.profile, { x: file(0), y: file(2) }, [])
  const asked = new Cell(world.m, 'devices asked for', 0)
  s.script = req => {
    if (req.op.name !== 'GET_DAXDEV') return undefined
    asked.poke(asked.peek() + 1)
    return { body: encodeDaxdev(0, `/dev/dax${asked.peek() - 1}.0`) }
  }
  const pull = h0.k.profile.t.daxdev === 'pull'
  const { dev } = scripted(h0, '/mnt', s)

  for (const name of ['x', 'y'])
    h0.app(name, function* (sys) {
      if (!pull) world.say(`push ${resultText(yield* pushDaxdev(sys, dev, '/dev/dax0.0', 0))}`)
      const fd = yield* sys.open(`/mnt/${name}`)
      world.say(`read ${resultText(yield* sys.pread(fd, 8, 0))}`)
      yield* sys.close(fd)
    })
  const held = (d: string): boolean => h0.k.bus.byName(d)!.dax_dev.holder_data.peek() !== null
  world.sometimes('R3: both asked', w => w.count('GET_DAXDEV') === 2)
  world.eventually('one of the two devices is held', () => held('dax0.0') !== held('dax1.0'))
})
