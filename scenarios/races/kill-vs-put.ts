// The driver goes while its holder leaves (R25). kill_dax() forgets the holder; fs_put_dax() then finds none, and the levels before the
// fixes warn of a put by one who does not hold it (B39).
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MiB, ms, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a driver is unbound while the device is given back (R25)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  scripted(h0, '/mnt', RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0']), { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x'))
  })

  h0.app('umount', function* (sys) {
    world.say(`umount: ${resultText(yield* sys.umount('/mnt'))}`)
  })
  h0.app(
    'admin',
    function* (sys) {
      const { fs_driver } = sys.ts.k.profile.dax
      const rc = yield* sys.sysfs_write(`/sys/bus/dax/drivers/${fs_driver}/unbind`, 'dax0.0')
      world.say(`unbind: ${rc > 0 ? 'done' : resultText(rc)}`)
    },
    { at: ms(1) },
  )
})
