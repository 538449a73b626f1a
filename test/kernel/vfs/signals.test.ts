// What ends a process, and from which sleeps.
import { expect, it } from 'vitest'
import { Rig } from '../../../src/conform/index.ts'
import { fuse_dev_open, MAP_SHARED, PROT_READ, type ProcessEnd, type Sys } from '../../../src/kernel/index.ts'
import { ms, type Step } from '../../../src/sim/index.ts'
import { ONE, setUp, TWO } from '../../conformance/set-up.ts'

/** A process sleeps until a server that is not there answers INIT; another sends it a signal. What became of the first. */
const killed = (name: string, before: (sys: Sys) => void = () => undefined): unknown => {
  const rig = new Rig()
  const waiting = rig.spawn('waiting', function* (sys) {
    before(sys)
    yield* sys.mount(fuse_dev_open(rig.k), '/mnt')
    return yield* sys.open('/mnt/f')
  })
  let rc = -1
  rig.spawn(
    'killer',
    function* (sys): Step<void> {
      rc = yield* sys.kill(waiting.owner.pid, name)
    },
    { at: ms(5) },
  )
  rig.go()
  expect(rc).toBe(0)
  const end = waiting.value as ProcessEnd | undefined
  return end === undefined ? 'sleeps' : end.signal?.signal
}

it('a signal that will end a process wakes it from a killable sleep; one that leaves a core, or is ignored, does not', () => {
  const names = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGPIPE', 'SIGSEGV', 'SIGABRT']
  expect(names.map(name => killed(name))).toEqual([
    'SIGKILL',
    'SIGTERM',
    'SIGINT',
    'SIGHUP',
    'SIGPIPE',
    'sleeps',
    'sleeps',
  ])
  expect(killed('SIGTERM', sys => sys.ignore_signal('SIGTERM'))).toBe('sleeps')
})

it('a process that only loads from its memory ends too', () => {
  const { rig } = setUp({ f: ONE })
  let loads = 0
  const t = rig.spawn('spins', function* (sys) {
    const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, yield* sys.open('/mnt/f'))
    for (; loads < 1e5; loads++) yield* sys.load(at, new Uint8Array(1))
  })
  rig.spawn(
    'killer',
    function* (sys) {
      return yield* sys.kill(t.owner.pid, 'SIGTERM')
    },
    { at: ms(1) },
  )
  rig.go()
  expect((t.value as ProcessEnd | undefined)?.signal?.signal).toBe('SIGTERM')
  expect(loads).toBeLessThan(1e5)
})
