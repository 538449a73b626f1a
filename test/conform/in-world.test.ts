// A scripted server in a world: it serves again in every execution, and forgets what it wrote down.
import { expect, it } from 'vitest'
import { RawServer, scripted, simpleMap } from '../../src/conform/index.ts'
import { RandomChooser } from '../../src/explore/index.ts'
import { kernelProfile } from '../../src/profile/index.ts'
import { buildWorld, MiB, resultText, scenario } from '../../src/world/index.ts'

it.each(['rfc', 'v2', 'v3', 'v10', 'new'])('%s: the same in every execution, and gone after umount', kernel => {
  const s = RawServer.of(kernelProfile(kernel), { x: simpleMap([[0, 0, MiB(2)]]), bad: 5 }, ['/dev/dax0.0'])
  const w = buildWorld(
    scenario('open, read, umount', ({ world }) => {
      world.daxdev('dax0.0', { size: MiB(8) })
      const h0 = world.host('h0')
      scripted(h0, '/mnt', s)
      h0.app('user', function* (sys) {
        const fd = yield* sys.open('/mnt/x')
        world.say(`read ${resultText(yield* sys.pread(fd, 8, 0))}`)
        yield* sys.close(fd)
        const bad = yield* sys.open('/mnt/bad')
        world.say(`bad ${bad < 0 ? resultText(bad) : 'opens'}`)
        if (bad >= 0) yield* sys.close(bad)
        world.say(`umount ${resultText(yield* sys.umount('/mnt'))}`)
        yield* sys.sleep(1000)
        world.expect('held', h0.k.bus.byName('dax0.0')!.dax_dev.holder_data.peek(), null)
      })
    }),
    { kernel },
  )
  const pulled = kernel === 'new' ? [] : ['GET_DAXDEV:0']
  const map = ['GET_FMAP:100', ...pulled]
  const asked = kernel === 'rfc' ? ['LOOKUP:1', ...map, 'OPEN:100'] : ['LOOKUP:1', 'OPEN:100', ...map]
  // They open a file whose map failed (B10).
  const early = kernel === 'rfc' || kernel === 'v2'
  for (let i = 0; i < 3; i++) {
    const r = w.run(new RandomChooser(1))
    // Theirs to keep: B08, B13 and their like.
    expect(r.problems.filter(p => !early || p.kind !== 'leak')).toEqual([])
    expect(r).toMatchObject({
      said: ['h0/user: read 8', `h0/user: bad ${early ? 'opens' : 'EIO'}`, 'h0/user: umount 0'],
    })
    expect(s.log.filter(l => !l.startsWith('GETATTR')).slice(0, 1 + asked.length)).toEqual(['INIT:0', ...asked])
  }
  w.close()
})
