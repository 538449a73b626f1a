// A scripted server in a world: it serves again in every execution, and forgets what it wrote down.
import { expect, it } from 'vitest'
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { RandomChooser } from '../../src/explore/index.ts'
import { buildWorld, MiB, resultText, scenario } from '../../src/world/index.ts'

it.each(['v10', 'new'])('%s: the same in every execution, and gone after umount', kernel => {
  const s = RawServer.of({ x: simpleMap([[0, 0, MiB(2)]]), bad: 5 }, ['/dev/dax0.0'])
  const w = buildWorld(
    scenario('open, read, umount', ({ world }) => {
      world.daxdev('dax0.0', { size: MiB(8) })
      const h0 = world.host('h0')
      scripted(h0, '/mnt', s)
      h0.app('user', function* (sys) {
        const fd = yield* sys.open('/mnt/x')
        world.say(`read ${resultText(yield* sys.pread(fd, 8, 0))}`)
        yield* sys.close(fd)
        world.say(`bad ${resultText(yield* sys.open('/mnt/bad'))}`)
        world.say(`umount ${resultText(yield* sys.umount('/mnt'))}`)
        yield* sys.sleep(1000)
        world.expect('held', h0.k.bus.byName('dax0.0')!.dax_dev.holder_data.peek(), null)
      })
    }),
    { kernel },
  )
  const pulled = kernel === 'v10' ? ['GET_DAXDEV:0'] : []
  const asked = ['LOOKUP:1', 'OPEN:100', 'GET_FMAP:100', ...pulled, 'FLUSH:100']
  for (let i = 0; i < 3; i++) {
    expect(w.run(new RandomChooser(1))).toMatchObject({
      verdict: 'held',
      said: ['h0/user: read 8', 'h0/user: bad EIO', 'h0/user: umount 0'],
    })
    expect(s.log.filter(l => !l.startsWith('GETATTR')).slice(0, 1 + asked.length)).toEqual(['INIT:0', ...asked])
  }
  w.close()
})
