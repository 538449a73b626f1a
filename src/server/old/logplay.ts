// famfs logplay: read the log of a mount and make the shadow tree of it (userspace.md d).
import type { Sys } from '../../kernel/index.ts'
import { ENTRY_SIZE, entryOffset, playLog } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { invalidate_processor_cache } from '../lib/cache.ts'
import { S_IFDIR, S_IFREG, type ShadowTree } from '../shadow.ts'
import { LOG_PATH, map_file, read_log, unmap_file } from './media_file.ts'

/** What a log play did. `error`: it stopped there. */
export interface LogPlay {
  entries: number
  newFiles: number
  newDirs: number
  existed: number
  /** Devices that the log adds to the first. */
  devices: number
  errors: number
  error?: string
}

/** Play the whole log into the tree. Idempotent: what exists is left alone. */
export const famfs_logplay = kfn(
  'famfs_logplay',
  function* (sys: Sys, mpt: string, log_len: number, shadow: ShadowTree): Step<LogPlay> {
    const done: LogPlay = { entries: 0, newFiles: 0, newDirs: 0, existed: 0, devices: 0, errors: 0 }
    const log = yield* map_file(sys, `${mpt}/${LOG_PATH}`, log_len, false)
    if (typeof log === 'number') return { ...done, error: `cannot map ${mpt}/${LOG_PATH} (errno ${-log})` }
    const used = yield* read_log(sys, log)
    if ('error' in used) {
      yield* unmap_file(sys, log)
      return { ...done, error: used.error }
    }
    const played = [...playLog(used.bytes)]
    const end = played[played.length - 1]
    // The entry is invalidated and what is checked again is the copy made before, so this never helps (c.2, Q11).
    if (end !== undefined && 'stop' in end)
      yield* invalidate_processor_cache(sys, log.addr + entryOffset(end.stop), ENTRY_SIZE)
    yield* unmap_file(sys, log)
    for (const p of played) {
      if ('stop' in p) return { ...done, error: `entry ${p.stop}: ${p.why}` }
      done.entries++
      const e = p.entry
      if (p.skip !== null || (e.type === 'file' && e.fmap.kind === 'bad')) {
        done.errors++
        continue
      }
      if (e.type === 'add_daxdev') done.devices++
      if (e.type !== 'file' && e.type !== 'mkdir') continue
      const { uid, gid } = e
      const r =
        e.type === 'file'
          ? shadow.add(e.path, { mode: S_IFREG | e.mode, uid, gid, size: e.size, fmap: e.fmap as any })
          : shadow.add(e.path, { mode: S_IFDIR | e.mode, uid, gid })
      if (r === 'created') e.type === 'file' ? done.newFiles++ : done.newDirs++
      else if (r === 'existed') done.existed++
      else done.errors++
    }
    return done
  },
)
