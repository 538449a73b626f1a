// A world with hosts for tests of famfs programs: programs run by name, or a body with what a program is given.
import { O_DIRECTORY, O_RDONLY, S_IFDIR } from '../../../src/kernel/index.ts'
import { type Proc, start } from '../../../src/server/index.ts'
import { GiB, type Op, type Step } from '../../../src/sim/index.ts'
import { type Host, World, type WorldOptions } from '../../../src/world/index.ts'

/** One host that sees one device of 4 GiB, /dev/dax0.0. */
export function oneHost(o: WorldOptions & { size?: number } = {}): { w: World; h: Host } {
  const w = new World({ seed: 1, trace: false, ...o })
  w.daxdev('dax0.0', { size: o.size ?? GiB(4) })
  return { w, h: w.host('h0') }
}

/** Run a body as a program of this host: what it returned, and what it said. */
export function asProgram<T>(h: Host, body: (p: Proc) => Op<T> | Step<T>): { value: T; out: string[]; err: string[] } {
  const out: string[] = []
  const err: string[] = []
  const { site } = h
  const value = h.world.setup(h, 'test', function* (sys) {
    return yield* body(start(sys, site, ['test'], new Map(), { out, err }))
  })
  return { value, out, err }
}

/** Every name below a directory, sorted, by readdir alone. */
export const treeOf = (h: Host, path: string): string[] =>
  asProgram(h, function* ({ sys }) {
    const names: string[] = []
    const todo = ['']
    for (let dir = todo.pop(); dir !== undefined; dir = todo.pop()) {
      const fd = yield* sys.open(`${path}/${dir}`, O_RDONLY | O_DIRECTORY)
      const list = yield* sys.getdents(fd)
      yield* sys.close(fd)
      for (const { name, type } of typeof list === 'number' ? [] : list) {
        if (name === '.' || name === '..') continue
        names.push(dir + name)
        if (type === S_IFDIR >> 12) todo.push(`${dir}${name}/`)
      }
    }
    return names.sort()
  }).value
