// R11 and R12 without a server: the driver of a device goes while a file of the standalone famfs on it is mapped, or faulted in.
import { standalone } from '../../src/conform/index.ts'
import { MAP_SHARED, MiB, ms, O_RDONLY, PROT_READ, resultText, scenario } from '../../src/world/index.ts'

const TWO = MiB(2)

export default scenario('a page is mapped while the driver goes (standalone)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0', { kernel: 'std' })
  const extents = [{ dev: 0, offset: TWO, len: TWO }]
  standalone(h0, '/mnt', '/dev/dax0.0', { x: { fileSize: TWO, kind: 'simple', extents } })

  h0.app('mapper', function* (sys) {
    const fd = yield* sys.open('/mnt/x', O_RDONLY)
    const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)
    if (at < 0) return world.say(`mmap: ${resultText(at)}`)
    const sig = yield* sys.load_or_signal(at, new Uint8Array(8))
    world.say(`load: ${sig === null ? 'data' : sig.si_code}`)
    yield* sys.munmap(at, TWO)
    world.say('unmapped')
    yield* sys.close(fd)
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
