// One task fills the slot of a device while another, which holds an older file of that device open, looks the slot up with
// no lock (R5). The older file was opened when memory was short: its map is there, its device is not. And the device is
// another mount's, so the slot says `valid` and `dax_err`, and every read is EIO. A CPU that reorders may show `valid`
// before what was stored ahead of it; whether it does hangs on the barriers around the one store and the one load.
// (With a device that is free nothing shows: the cmpxchg that claims it is a full barrier already.)
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { after, EIO, failAlloc, GiB, MiB, scenario } from '../../src/world/index.ts'

export default scenario('a slot is filled while a file of its device is read', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const h0 = world.host('h0')
  const fs = h0.famfs('/mnt/first', { mkfs: dev })
  fs.creat('/old', MiB(2))
  fs.creat('/new', MiB(2))
  h0.remount(fs)
  // Another server has the device, and a file of it was opened.
  scripted(h0, '/mnt/other', RawServer.of(h0.k.profile, { z: simpleMap([[0, 0, MiB(2)]]) }, ['/dev/dax0.0']))
  world.setup(h0, 'cat', function* (sys) {
    yield* sys.close(yield* sys.open('/mnt/other/z'))
  })
  world.fault(after('enter famfs_fill_daxdev'), failAlloc({ name: 'daxdev name' }))
  const opened = world.gate('the older file is open, its slot is empty')

  h0.app('reader', function* (sys) {
    const fd = yield* sys.open('/mnt/first/old')
    yield* opened.open()
    const n = yield* sys.pread(fd, 64, 0)
    // Data of another mount's device. (Early postings give 0 where later ones give EIO.)
    if (n > 0) world.expect('read', n, -EIO)
    yield* sys.close(fd)
  })
  h0.app('filler', function* (sys) {
    yield* opened.wait()
    const fd = yield* sys.open('/mnt/first/new')
    yield* sys.close(fd)
  })
})
