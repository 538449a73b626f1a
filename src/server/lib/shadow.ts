// The shadow tree of a mount as programs reach it: its root, which the mount tells through an extended attribute, and the files in
// it, which each stand for a famfs file (userspace.md d).
import { O_CREAT, O_TRUNC, O_WRONLY, S_ISDIR, type Sys } from '../../kernel/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EINVAL } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { emit_file_yaml, type FileMeta } from './shadow-yaml.ts'

export const SHADOW_XATTR = 'user.famfs.shadow'

/** famfs_get_shadow_root(): the tree's root for a path given with or without its `root`; null after a line. */
export const shadow_root = kfn('famfs_get_shadow_root', function* (p: Proc, path: string): Step<string | null> {
  const bare = path.replace(/\/+$/, '')
  const root = bare.endsWith('/root') ? bare : `${bare}/root`
  const st = yield* p.sys.stat(root)
  if (typeof st !== 'number' && S_ISDIR(st.mode)) return root
  p.err(`shadow path ${path}: no directory ${root}; expected a shadow tree there`)
  return null
})

/** The shadow path that a mount tells, for any path in it; null when it tells none. */
export const shadow_of_mount = kfn('famfs_get_shadow_path', function* (sys: Sys, path: string): Step<string | null> {
  const value = yield* sys.getxattr(path, SHADOW_XATTR)
  return typeof value === 'number' ? null : String.fromCharCode(...value).replace(/\0.*$/, '')
})

/** Write the file at `path` that stands for `meta`: 0 or -errno. -EINVAL: there is no text for it, and the file is empty. */
export const write_shadow_file = kfn(
  'famfs_shadow_file_create',
  function* (sys: Sys, path: string, meta: FileMeta | null): Step<number> {
    const fd = yield* sys.open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    if (fd < 0) return fd
    const text = meta === null ? null : emit_file_yaml(meta)
    const n = text === null ? -EINVAL : yield* sys.write(fd, bytes_of(text))
    yield* sys.close(fd)
    return n < 0 ? n : 0
  },
)

const encoder = new TextEncoder()
const bytes_of = (text: string): Uint8Array => encoder.encode(text)
