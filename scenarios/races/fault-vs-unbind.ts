// The driver of a device goes while a file on it is mapped. A fault translates its address inside dax_read_lock and inserts the page
// after it, so the page may be inserted when the device is dead (R12, inferred). Unbinding resets folios that are mapped and
// frees their struct pages; who unmaps later finds them gone, and the kernel oopses (R11, L17, measured).
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MAP_SHARED, MiB, ms, O_RDONLY, PROT_READ, resultText, scenario } from '../../src/world/index.ts'

export default scenario('a page is mapped while the driver goes (R11, R12)', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  scripted(h0, '/mnt', RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0']), { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x'))
  })

  h0.app('mapper', function* (sys) {
    const fd = yield* sys.open('/mnt/x', O_RDONLY)
    const at = yield* sys.mmap(0, MiB(2), PROT_READ, MAP_SHARED, fd)
    if (at < 0) return world.say(`mmap: ${resultText(at)}`)
    const sig = yield* sys.load_or_signal(at, new Uint8Array(8))
    world.say(`load: ${sig === null ? 'data' : sig.si_code}`)
    yield* sys.munmap(at, MiB(2))
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
  let before = 0
  world.sometimes('R12: a page of a dead device is mapped', () => {
    const faults = [...h0.k.faults.entries()].reduce((n, [, c]) => n + c, 0)
    if (h0.k.bus.byName(dev.name)!.dax_dev.alive.peek()) before = faults
    return faults > before
  })
})
