// All that a kernel does with a famfs, with one allocation that fails: what goes wrong then, beyond an errno.
import { fmapOf, Rig, Stuck, simpleMap } from '../../src/conform/index.ts'
import { MAP_SHARED, O_CREAT, O_DIRECTORY, O_RDWR, PROT_READ, PROT_WRITE } from '../../src/kernel/index.ts'
import { type DefectSwitches, kernelProfile } from '../../src/profile/index.ts'
import { Killed, MiB, type Step } from '../../src/sim/index.ts'
import { fuse_create_out, fuse_open_out } from '../../src/wire/index.ts'
import type { Sys } from '../../src/world/index.ts'

const TWO = MiB(2)
const NEW = 200
const FILES: Record<string, Uint8Array> = {
  simple: simpleMap([
    [0, 0, TWO],
    [0, MiB(8), TWO],
  ]),
  striped: fmapOf({
    kind: 'interleaved',
    fileSize: MiB(8),
    groups: [1, 2].map(i => ({
      chunkSize: TWO,
      nbytes: MiB(4),
      strips: [0, 1].map(j => ({ dev: 0, offset: MiB(16) * (2 * i + j), len: TWO })),
    })),
  }),
}

/** What one life came to. */
export interface Life {
  /** Did an allocation fail? There are fewer otherwise. */
  readonly hit: boolean
  /** Leaks, uses after free, warnings, hangs, signals: without numbers. */
  readonly findings: readonly string[]
  /** Did a second mount do everything, after the first was gone? */
  readonly works: boolean
}

/** A process that uses a file in every way; true when all of it succeeded. */
const use = (path: string) =>
  function* (sys: Sys): Step<boolean> {
    const fd = yield* sys.open(path, O_RDWR)
    if (fd < 0) return false
    const st = yield* sys.stat(path)
    const read = yield* sys.pread(fd, 4096, 0)
    const wrote = yield* sys.pwrite(fd, new Uint8Array(4096), TWO)
    const at = yield* sys.mmap(0, TWO, PROT_READ | PROT_WRITE, MAP_SHARED, fd)
    let mapped = false
    if (at > 0) {
      mapped = (yield* sys.load_or_signal(at, new Uint8Array(1))) === null
      yield* sys.munmap(at, TWO)
    }
    const small = yield* sys.mmap(0, 4096, PROT_READ, MAP_SHARED, fd, 4096)
    if (small > 0) {
      mapped &&= (yield* sys.load_or_signal(small, new Uint8Array(1))) === null
      yield* sys.munmap(small, 4096)
    }
    yield* sys.close(fd)
    if (process.env.DBG) console.log(st, read, wrote, at, mapped, small)
    return typeof st !== 'number' && read === 4096 && wrote === 4096 && mapped && small > 0
  }

function* names(sys: Sys): Step<boolean> {
  const fd = yield* sys.open('/mnt', O_DIRECTORY)
  if (fd < 0) return false
  const list = yield* sys.getdents(fd)
  yield* sys.close(fd)
  const made = yield* sys.open('/mnt/new', O_CREAT | O_RDWR)
  if (made >= 0) yield* sys.close(made)
  return typeof list !== 'number' && made >= 0
}

/** Mount, use every file, list and make names, forget the inodes, use a file again, unmount. True when all of it succeeded. */
function once(rig: Rig, said: (text: string) => void): boolean {
  const s = rig.server()
  for (const [i, [name, fmap]] of Object.entries(FILES).entries())
    s.files.set(name, { nodeid: 100 + i, size: name === 'simple' ? 2 * TWO : MiB(8), fmap })
  // A directory without names, in which one can be made.
  s.script = req => {
    const open = { fh: 7, open_flags: 0 }
    const entry = { nodeid: NEW, entry_valid: 9, attr_valid: 9, attr: { ...s.attr(100), ino: NEW } }
    if (req.op.name === 'OPENDIR') return { def: fuse_open_out, values: open }
    if (req.op.name === 'READDIR') return { body: new Uint8Array(0) }
    if (req.op.name === 'RELEASEDIR') return { errno: 0 }
    if (req.op.name === 'CREATE') return { def: fuse_create_out, values: { entry, open } }
    return undefined
  }
  let ok = true
  const run = <T>(what: string, body: (sys: Sys) => Step<T>): T | null => {
    try {
      return rig.run(body)
    } catch (e) {
      ok = false
      if (e instanceof Stuck) said(`hang: ${what}: ${e.message}`)
      else if (e instanceof Killed) said(`killed: ${what}: ${e.message}`)
      else throw e
      return null
    }
  }
  try {
    rig.mount(s)
  } catch {
    return false
  }
  for (const [what, body] of [
    ['use', use('/mnt/simple')],
    ['use', use('/mnt/striped')],
    ['names', names],
    [
      'drop_caches',
      function* (sys) {
        return (yield* sys.drop_caches()) >= 0
      },
    ],
    ['use again', use('/mnt/striped')],
  ] as [string, (sys: Sys) => Step<boolean>][])
    if (run(what, body) !== true) ok = false
  // The allocation that failed may have been one of umount(2) itself.
  const umount = () =>
    run('umount', function* (sys) {
      return yield* sys.umount('/mnt')
    })
  const rc = umount()
  if (rc !== 0 && rc !== null && umount() !== 0) said(`umount: ${rc}`)
  return ok && rc === 0
}

/** Numbers and names of tasks are of this run. */
const general = (text: string): string =>
  text
    .replace(/; allocated by .*/, '')
    .replace(/, by h0\/.*/, '')
    .replace(/\d+ x /, '')
    .replace(/#\d+/g, '')

/** A life in which the `nth` allocation fails; 0: none. */
export function life(kernel: string, switches: DefectSwitches, nth: number): Life {
  const rig = new Rig({ kernel, switches, kasan: true })
  let hit = false
  const arm = rig.k.heap.refusal(null, () => {
    hit = true
  })
  arm(nth)
  const findings = new Set<string>()
  once(rig, text => findings.add(text))
  arm(0)
  const works = once(rig, text => findings.add(`then ${text}`))
  if (rig.k.at_rest()) rig.k.report_leaks()
  else findings.add('not at rest')
  const oops = rig.problems().find(p => p.startsWith('oops: '))
  // Who dies holding locks takes all others along: that says nothing more.
  if (oops !== undefined) return { hit, findings: [oops], works }
  for (const p of rig.problems()) findings.add(general(p))
  return { hit, findings: [...findings].sort(), works }
}

/** What all lives of a kernel came to: each finding, and how many allocations there are. */
export function all(
  kernel: string,
  switches: DefectSwitches,
  step = 1,
): { allocations: number; findings: string[]; dead: number[] } {
  const findings = new Set<string>()
  const dead: number[] = []
  let nth = 0
  for (let left = 1; left > 0; nth += step) {
    const l = life(kernel, switches, nth)
    for (const f of l.findings) findings.add(f)
    if (!l.works) dead.push(nth)
    if (nth > 0 && !l.hit) left = 0
  }
  return { allocations: nth - step - 1, findings: [...findings].sort(), dead }
}

/** Every defect that this kernel carries, off. */
export const noDefects = (kernel: string): DefectSwitches => ({ noDefect: kernelProfile(kernel).defects() })
