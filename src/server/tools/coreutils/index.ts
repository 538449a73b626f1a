// Small tools of a simulated host, in the words of the GNU ones: each reaches everything through its system calls.
import type { Program } from '../../proc.ts'
import { chmod_main, chown_main, fallocate_main, getfattr_main, setfattr_main, truncate_main } from './attributes.ts'
import { cat_main, head_main, wc_main } from './cat.ts'
import { cmp_main, md5sum_main } from './compare.ts'
import { dd_main } from './dd.ts'
import { ls_main, stat_main } from './ls.ts'
import { ln_main, mkdir_main, mknod_main, rmdir_main, touch_main } from './make.ts'
import { df_main, sync_main, umount_main } from './mounts.ts'
import { cp_main, mv_main, rm_main } from './move.ts'
import { echo_main, flock_main, kill_main, pkill_main, ps_main, sleep_main } from './processes.ts'

export const COREUTILS: Readonly<Record<string, Program>> = {
  cat: cat_main,
  chmod: chmod_main,
  chown: chown_main,
  cmp: cmp_main,
  cp: cp_main,
  dd: dd_main,
  df: df_main,
  echo: echo_main,
  fallocate: fallocate_main,
  flock: flock_main,
  getfattr: getfattr_main,
  head: head_main,
  kill: kill_main,
  ln: ln_main,
  ls: ls_main,
  md5sum: md5sum_main,
  mkdir: mkdir_main,
  mknod: mknod_main,
  mv: mv_main,
  pkill: pkill_main,
  ps: ps_main,
  rm: rm_main,
  rmdir: rmdir_main,
  setfattr: setfattr_main,
  sleep: sleep_main,
  stat: stat_main,
  sync: sync_main,
  touch: touch_main,
  truncate: truncate_main,
  umount: umount_main,
  wc: wc_main,
}
