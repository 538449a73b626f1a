// The programs of a simulated host, by name.

import { famfs_fused_main } from './daemon/famfs_fused.ts'
import type { Program } from './proc.ts'
import { COREUTILS } from './tools/coreutils/index.ts'
import { curl_main } from './tools/curl.ts'
import { daxctl_main } from './tools/daxctl.ts'
import { famfs_main } from './tools/famfs.ts'
import { mkfs_main } from './tools/mkfs.ts'
import { pcq_main } from './tools/pcq/pcq.ts'

export const PROGRAMS: Readonly<Record<string, Program>> = {
  curl: curl_main,
  ...COREUTILS,
  daxctl: daxctl_main,
  famfs: famfs_main,
  famfs_fused: famfs_fused_main,
  'mkfs.famfs': mkfs_main,
  pcq: pcq_main,
}
