// Two mounts of one device on one host (R29, measured). The holder is a connection, so the first to open a file has the device and the
// other is dead: its files are EIO, also when the first mount is gone (B43). Which is which is a race.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MiB, resultText, scenario } from '../../src/world/index.ts'

export default scenario('one device is mounted twice (R29)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const pull = h0.k.profile.t.daxdev === 'pull'
  // Where devices are pushed the second server is refused, and its mount has none.
  for (const [i, name] of ['a', 'b'].entries())
    scripted(
      h0,
      `/${name}`,
      RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, pull || i === 0 ? ['/dev/dax0.0'] : []),
      {
        threads: 1,
      },
    )
  for (const name of ['a', 'b'])
    h0.app(name, function* (sys) {
      const fd = yield* sys.open(`/${name}/x`)
      world.say(`read: ${resultText(yield* sys.pread(fd, 8, 0))}`)
      yield* sys.close(fd)
    })
})
