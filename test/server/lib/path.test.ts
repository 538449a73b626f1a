// Paths: dirname and basename as POSIX has them, realpath with what glibc leaves in its buffer when it fails.
import { expect, it } from 'vitest'
import { basename, dirname, realpath } from '../../../src/server/lib/path.ts'
import { ELOOP, ENOENT, ENOTDIR } from '../../../src/wire/index.ts'
import { asProgram, oneHost } from '../tools/on-host.ts'

it.each([
  ['', '.', '.'],
  ['/', '/', '/'],
  ['//', '/', '/'],
  ['a', '.', 'a'],
  ['a/', '.', 'a'],
  ['/a', '/', 'a'],
  ['/a/b', '/a', 'b'],
  ['/a//b//', '/a', 'b'],
  ['a/b/c', 'a/b', 'c'],
  ['..', '.', '..'],
])('dirname and basename of %j', (path, dir, base) => {
  expect([dirname(path), basename(path)]).toEqual([dir, base])
})

it.each([
  ['/', 0, '/'],
  ['/tmp/d/../d/./f', 0, '/tmp/d/f'],
  ['f', 0, '/tmp/d/f'],
  ['..', 0, '/tmp'],
  ['/../..', 0, '/'],
  ['/tmp/d/', 0, '/tmp/d'],
  ['/tmp/rel/f', 0, '/tmp/d/f'],
  ['/tmp/abs/./f', 0, '/tmp/d/f'],
  ['', -ENOENT, null],
  ['/tmp/d/new', -ENOENT, '/tmp/d/new'],
  ['/tmp/d/nodir/onebyte', -ENOENT, '/tmp/d/nodir'],
  ['/tmp/d/nodir/../f', -ENOENT, '/tmp/d/nodir'],
  ['/tmp/d/f/x', -ENOTDIR, null],
  ['/tmp/d/f/', -ENOTDIR, null],
  ['/tmp/d/f/.', -ENOTDIR, null],
  ['/tmp/loop', -ELOOP, null],
] as const)('realpath of %j', (path, rc, buffer) => {
  const { w, h } = oneHost()
  const { value } = asProgram(h, function* ({ sys }) {
    yield* sys.mkdir('/tmp/d')
    yield* sys.mknod('/tmp/d/f', 0o100644)
    yield* sys.symlink('d', '/tmp/rel')
    yield* sys.symlink('/tmp/d', '/tmp/abs')
    yield* sys.symlink('loop', '/tmp/loop')
    yield* sys.chdir('/tmp/d')
    return yield* realpath(sys, path)
  })
  expect(value).toEqual({ rc, path: buffer })
  w.close()
})
