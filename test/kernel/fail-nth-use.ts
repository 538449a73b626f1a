// What the processes of a life do with its files (fail-nth.ts), on every kernel alike.
import { MAP_SHARED, O_CREAT, O_DIRECTORY, O_RDWR, PROT_READ, PROT_WRITE } from '../../src/kernel/index.ts'
import { MiB, type Step } from '../../src/sim/index.ts'
import type { Sys } from '../../src/world/index.ts'

export const TWO = MiB(2)

/** A process that uses a file in every way; true when all of it succeeded. */
export const use = (path: string) =>
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
    return typeof st !== 'number' && read === 4096 && wrote === 4096 && mapped && small > 0
  }

/** Lists the directory, and makes a name in it; true when both succeeded. */
export function* names(sys: Sys): Step<boolean> {
  const fd = yield* sys.open('/mnt', O_DIRECTORY)
  if (fd < 0) return false
  const list = yield* sys.getdents(fd)
  yield* sys.close(fd)
  const made = yield* sys.open('/mnt/new', O_CREAT | O_RDWR)
  if (made >= 0) yield* sys.close(made)
  return typeof list !== 'number' && made >= 0
}
