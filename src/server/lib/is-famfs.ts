// Which kind of file system a path is in, as the tools ask: by the type that statfs(2) tells of it, or of its directory when it is
// not there yet (userspace.md a.1, f).
import { kfn, type Step } from '../../sim/index.ts'
import { FUSE_SUPER_MAGIC } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { dirname } from './path.ts'

/** f_type of the standalone module's mounts, and the one set aside for FUSE's, which say the ordinary one of FUSE so far. */
const FAMFS_V1_MAGIC = 0x87b282fe
const FAMFS_FUSE_MAGIC = 0x87b282fd

export type FamfsType = 'fuse' | 'v1' | 'none'

const type_of = (magic: number): FamfsType => {
  if (magic === FUSE_SUPER_MAGIC || magic === FAMFS_FUSE_MAGIC) return 'fuse'
  return magic === FAMFS_V1_MAGIC ? 'v1' : 'none'
}

/** file_is_famfs(): null after a line when neither the path nor its directory is there. */
export const file_is_famfs = kfn('file_is_famfs', function* (p: Proc, path: string): Step<FamfsType | null> {
  for (const at of [path, dirname(path)]) {
    const st = yield* p.sys.statfs(at)
    if (typeof st !== 'number') return type_of(st.type)
  }
  p.err(`${path}: neither it nor its directory is there`)
  return null
})
