// What famfs fsck prints, line by line that of the real program (userspace.md f.1); mkfs.famfs ends with it too, and `famsim
// fsck` prints it of an image. Pure.

import {
  type BucketUse,
  ENTRY_CRC_LEN,
  ENTRY_SIZE,
  EXTENT_SIZE,
  entryOffset,
  FM,
  FMAP_SIZE,
  type FsckReport,
  GiB,
  LE,
  LE_MKDIR,
  LOG_HEADER_SIZE,
  MAX_EXTENTS,
  MAX_INTERLEAVED,
  PATH_FIELD,
  SB_SIZE,
  type UsageDump,
} from '../../media/index.ts'
import { divDown } from '../../sim/index.ts'

export interface FsckTextOptions {
  /** -v: also how the log is laid out. */
  readonly verbose?: boolean
  /** -h: sizes in GiB. */
  readonly human?: boolean
  /** Stripe buckets by the real arithmetic, which is wrong. */
  readonly q24?: boolean
}

/**
 * Q24: what is used counts twice, and the run of free units is never begun anew, so the largest is all that is free. (The
 * overhang is what bytes, not units, leave over.)
 */
const q24Bucket = (b: BucketUse): BucketUse => ({ ...b, in_use: 2 * b.in_use, largest: b.free, smallest: 0 })

/** A file system that is mounted: where, how, from what, and its shadow tree. */
export interface FsckMount {
  readonly mpt: string
  readonly type: 'FAMFS_FUSE' | 'FAMFS_V1'
  readonly dev: string
  /** Null: a standalone famfs has none. */
  readonly shadow: string | null
}

/** The lines before all others for such a one; it has them whatever its superblock is like. */
export const fsck_mount_text = (m: FsckMount): string[] => [
  'famfs fsck:',
  `  mount point: ${m.mpt}`,
  `  mount type:  ${m.type}`,
  `  backing dev: ${m.dev}`,
  ...(m.shadow === null ? [] : [`  shadow path: ${m.shadow}`]),
  '',
]

/** The lines for a device with a good superblock and log header. */
export function fsck_text(dump: UsageDump, r: FsckReport, o: FsckTextOptions): string[] {
  const { superblock: sb, log, bitmap, stats } = dump as { [K in keyof UsageDump]: NonNullable<UsageDump[K]> }
  const capacity = log.last_index + 1
  const size = (bytes: number, unit = 'G'): string => (o.human ? `${(bytes / GiB).toFixed(2)}${unit}` : String(bytes))
  const { amplification: amp } = r.capacity
  const buckets = r.buckets && (o.q24 ? r.buckets.list.map(q24Bucket) : r.buckets.list)
  const overhang = r.buckets === null ? 0 : o.q24 ? r.capacity.device % r.buckets.list.length : r.buckets.overhang
  return [
    'Famfs Superblock:',
    `  Filesystem UUID:   ${sb.fs_uuid}`,
    `  Device UUID:       ${sb.dev_uuid}`,
    `  System UUID:       ${sb.system_uuid}`,
    `  role of this node: ${r.role}`,
    `  alloc_unit:        0x${sb.alloc_unit.toString(16)}`,
    `  OMF major version: ${sb.omf_major}`,
    `  OMF minor version: ${sb.omf_minor}`,
    `  sizeof superblock: ${SB_SIZE}`,
    `  log size (bytes):  ${sb.log_len}`,
    `  primary: ${sb.daxdev_name}   ${sb.daxdev_size}`,
    '',
    'Log stats:',
    `  # of log entries in use: ${log.next_index} of ${capacity}`,
    `  Log size in use:          ${r.log_in_use}`,
    `  Log size (total bytes)    ${log.log_len}`,
    ...(bitmap.collisions > 0
      ? [`ERROR: ${bitmap.collisions} ALLOCATION COLLISIONS FOUND`]
      : [
          '  No allocation errors found',
          '',
          'Capacity:',
          `  Device capacity:        ${size(r.capacity.device)}`,
          `  Bitmap capacity:        ${size(r.capacity.bitmap)}`,
          `  Sum of file sizes:      ${size(r.capacity.files)}`,
          `  Allocated ${o.human ? 'space' : 'bytes'}:        ${size(r.capacity.allocated)}`,
          `  Free space:             ${size(r.capacity.free)}`,
          `  Space amplification:     ${amp === null ? 'inf' : amp.toFixed(2)}`,
          `  Percent used:            ${r.capacity.percent_used.toFixed(1)}%`,
        ]),
    '',
    'Famfs log:',
    `  ${log.next_index} of ${capacity} entries used`,
    `  ${stats.bad_entries} bad log entries detected`,
    `  ${stats.f_logged} files`,
    `  ${stats.d_logged} directories`,
    '',
    ...(o.verbose
      ? [
          'Verbose:',
          `  log_offset:        ${sb.log_offset}`,
          `  log_len:           ${sb.log_len}`,
          '  log_entry components:',
          `      sizeof(log header) ${LOG_HEADER_SIZE}`,
          `      sizeof(log_entry)  ${ENTRY_SIZE}`,
          `          sizeof(mkdir)     ${LE_MKDIR.path - LE.payload + PATH_FIELD}`,
          `          sizeof(file_meta) ${ENTRY_CRC_LEN - LE.payload}`,
          `              sizeof(fmap)    ${FMAP_SIZE}`,
          `                  sizeof(interleaved_ext[${MAX_INTERLEAVED}]): ${FMAP_SIZE - FM.extents}`,
          `                  sizeof(famfs_simple_ext[${MAX_EXTENTS}]): ${EXTENT_SIZE}`,
          `  last_log_index:    ${log.last_index}`,
          `  usable log size:   ${entryOffset(log.last_index)}`,
          `  sizeof(struct famfs_log_file_meta): ${ENTRY_CRC_LEN - LE.payload}`,
          '',
        ]
      : []),
    ...(buckets === null
      ? []
      : [
          'Stripe bucket info:',
          `  Wasted overhang: ${overhang} bytes (${divDown(overhang, sb.alloc_unit)} au)`,
          ...buckets.flatMap((b, i) => [
            `  Bitmap range ${i}`,
            `    Size:   ${size(b.size)}`,
            `    In use: ${size(b.in_use, 'g')}`,
            `    Free:   ${size(b.free)}`,
            `    Free fragments: ${b.fragments}`,
            `    Largest frag:   ${size(b.largest)}`,
            `    Smallest frag:  ${size(b.smallest)}`,
          ]),
        ]),
  ]
}
