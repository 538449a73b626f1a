// The kernel walks to a device's path with famfs_devlist_sem held for writing (R10, L16, inferred). Here the path lies in the mount
// itself, so the walk asks the server, which is slow. Until it answers no other open goes on that needs the table. Trees where
// devices are pushed take an open descriptor and walk nowhere.
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { MiB, ms, resultText, scenario } from '../../src/world/index.ts'

const SLOW = ms(5)

export default scenario('the path of a device lies in the mount that asks for it (R10)', ({ world }) => {
  world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0')
  const pull = h0.k.profile.t.daxdev === 'pull'
  const file = (at: number): Uint8Array => simpleMap([[0, MiB(at), MiB(2)]])
  const s = RawServer.of(h0.k.profile, { x: file(0), y: file(2), node: file(4) }, pull ? ['/mnt/node'] : [])
  scripted(h0, '/mnt', s)
  s.delays.LOOKUP = SLOW

  h0.app('first', function* (sys) {
    world.say(`open: ${(yield* sys.open('/mnt/x')) >= 0 ? 'ok' : 'fails'}`)
  })
  h0.app('second', function* (sys) {
    const from = sys.clock()
    const fd = yield* sys.open('/mnt/y')
    // One name takes as long as it takes; a second one is the device's.
    const waited = sys.clock() - from > 1.5 * SLOW ? ', after it waited for the walk of another' : ''
    world.say(`open: ${fd >= 0 ? 'ok' : 'fails'}${waited}; read ${resultText(yield* sys.pread(fd, 8, 0))}`)
  })
})
