// Which paths are in a famfs, as the tools ask.
import { expect, it } from 'vitest'
import { tmpfs_create } from '../../../src/kernel/index.ts'
import { file_is_famfs } from '../../../src/server/lib/is-famfs.ts'
import { mkfs, mount } from '../tools/mounted.ts'
import { asProgram, oneHost } from '../tools/on-host.ts'

it('famfs_file_is_famfs_v1: neither an ordinary file nor a missing one is in a famfs, and nothing is in a standalone one', () => {
  const { w, h } = oneHost()
  mkfs(h)
  mount(h)
  tmpfs_create(h.k, '/tmp/file', 'x')
  const paths = ['/tmp/file', '/tmp/none', '/tmp/no/such', '/mnt/famfs', '/mnt/famfs/.meta/.log', '/mnt/famfs/new']
  const { value, err } = asProgram(h, function* (p) {
    const got: unknown[] = []
    for (const path of paths) got.push(yield* file_is_famfs(p, path))
    return got
  })
  expect(value).toEqual(['none', 'none', null, 'fuse', 'fuse', 'fuse'])
  expect(err).toHaveLength(1)
  w.close()
})
