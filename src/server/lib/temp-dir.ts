// Directories with a name nobody else has, and removing whole trees.
import { O_DIRECTORY, O_RDONLY, S_IFDIR, type Sys } from '../../kernel/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EEXIST } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
const TRIES = 100

/** mkdtemp(3): a new directory `PREFIX` and six letters, for its owner only; its path, or -errno. */
export const mkdtemp = kfn('mkdtemp', function* (p: Proc, prefix: string): Step<string | number> {
  for (let i = 0; i < TRIES; i++) {
    let path = prefix
    for (let n = 0; n < 6; n++) path += LETTERS[p.site.draw(LETTERS.length)]
    const rc = yield* p.sys.mkdir(path, 0o700)
    if (rc === 0) return path
    if (rc !== -EEXIST) return rc
  }
  return -EEXIST
})

/** rm -r of a directory: what can be removed is. Links are not followed. */
export const remove_tree = kfn('remove tree', function* (sys: Sys, path: string): Step<void> {
  const fd = yield* sys.open(path, O_RDONLY | O_DIRECTORY)
  if (fd < 0) return
  const names = yield* sys.getdents(fd)
  yield* sys.close(fd)
  for (const { name, type } of typeof names === 'number' ? [] : names) {
    if (name === '.' || name === '..') continue
    if (type === S_IFDIR >> 12) yield* remove_tree(sys, `${path}/${name}`)
    else yield* sys.unlink(`${path}/${name}`)
  }
  yield* sys.rmdir(path)
})
