// The server says that what is known of a file is stale, while a page of it is faulted in (R28). The range is taken out of the page
// tables and its entries out of the mapping, as if it were a page cache; who loads next faults again. Measured: a mapping survives
// the notification.
import { notification, RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { fuse_dev_do_write } from '../../src/kernel/index.ts'
import { MAP_SHARED, MiB, O_RDWR, PROT_READ, scenario } from '../../src/world/index.ts'

export default scenario('a file is invalidated while a page of it is faulted in (R28)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const s = RawServer.of(h0.k.profile, { x: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0'])
  const { dev } = scripted(h0, '/mnt', s, { threads: 1 })
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/x'))
  })

  h0.app('mapper', function* (sys) {
    const fd = yield* sys.open('/mnt/x', O_RDWR)
    const at = yield* sys.mmap(0, MiB(2), PROT_READ, MAP_SHARED, fd)
    for (let i = 0; i < 3; i++) yield* sys.load(at, new Uint8Array(8))
    world.say(`${sys.faults()} faults for 3 loads`)
    yield* sys.munmap(at, MiB(2))
    yield* sys.close(fd)
  })
  h0.app('server says', function* () {
    const rc = yield* fuse_dev_do_write(dev.fc, notification.inval_inode(100))
    world.say(rc < 0 ? 'refused' : 'taken')
  })
})
