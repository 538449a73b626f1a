// The owner makes a file while a client plays the log. The entry is stored first and the header's counters after it, but the
// whole log is flushed from its start and with one fence at the end, so the header's line may get to the memory before the
// entry's (userspace.md c.3). A client that plays the log just then finds one entry more than is there, and stops at it.
import { GiB, ms, scenario } from '../../src/world/index.ts'

export default scenario('a log entry is appended while another host plays the log', ({ world }) => {
  const dev = world.daxdev('dax0.0', { size: GiB(4) })
  const [h0, h1] = [world.host('h0'), world.host('h1')]
  h0.famfs('/mnt/famfs', { mkfs: dev, workers: 1 })
  h1.famfs('/mnt/famfs', { mount: dev, workers: 1 })

  h0.app('creat', function* (sys) {
    const { rc } = yield* h0.sh(sys, 'famfs creat -s 2M /mnt/famfs/new')
    world.expect('creat', rc, 0)
  })
  h1.app(
    'logplay',
    function* (sys) {
      const { err } = yield* h1.sh(sys, 'famfs logplay /mnt/famfs')
      world.expect('what stops the client', err[0], undefined)
    },
    // As a rule the owner is done by then.
    { at: ms(100) },
  )
})
