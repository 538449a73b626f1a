// A page goes bad while a standalone famfs is unmounted (inferred). The notice has found the superblock that holds the device, and no
// reference to it; meanwhile the unmount frees what the mount knows, where the notice is about to store that the device failed. Older DAX
// levels do not ask the holder.
import { standalone } from '../../src/conform/index.ts'
import { memory_failure } from '../../src/kernel/index.ts'
import { MiB, resultText, scenario } from '../../src/world/index.ts'

const TWO = MiB(2)

export default scenario('a notice of bad memory meets an unmount (standalone)', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: MiB(16) })
  const h0 = world.host('h0', { kernel: 'std', dax: 'fsdev-v8' })
  const extents = [{ dev: 0, offset: TWO, len: TWO }]
  standalone(h0, '/mnt', '/dev/dax0.0', { x: { fileSize: TWO, kind: 'simple', extents } })

  h0.app('notifier', function* (sys) {
    world.say(`memory_failure: ${resultText(yield* memory_failure(sys.ts.k, dev, TWO, 0))}`)
  })
  h0.app('umount', function* (sys) {
    world.say(`umount: ${resultText(yield* sys.umount('/mnt'))}`)
  })
})
