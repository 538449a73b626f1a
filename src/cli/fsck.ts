// famsim fsck IMAGE: a famfs image or device checked, in the words of the real famfs fsck of an unmounted one. Writes nothing.
// Exit 1 if anything is wrong, also where the real one, which counts collisions only, ends with 0.
import { readFileSync } from 'node:fs'
import {
  ENTRY_CRC_LEN,
  ENTRY_SIZE,
  EXTENT_SIZE,
  entryOffset,
  FM,
  FMAP_SIZE,
  type FsckReport,
  fsckReport,
  GiB,
  type ImageDump,
  LE,
  LE_MKDIR,
  LOG_HEADER_SIZE,
  MAX_BUCKETS,
  MAX_EXTENTS,
  MAX_INTERLEAVED,
  PATH_FIELD,
  SB_SIZE,
} from '../media/index.ts'
import { UserError } from './errors.ts'
import { checkLines, deviceLines, imageJson, lookAt } from './image.ts'
import { whole } from './options.ts'

/** Where a famfs host keeps its uuid. The real tools make the file when it is missing; this one does not. */
const SYSTEM_UUID = '/opt/famfs/system_uuid'

interface FsckOptions {
  readonly verbose?: boolean
  readonly human?: boolean
  readonly nbuckets?: string
  readonly json?: boolean
}

const ownUuid = (): string | null => {
  try {
    return readFileSync(SYSTEM_UUID, 'latin1').slice(0, 36)
  } catch {
    return null
  }
}

/** The report on an image with a good superblock and log header, line by line that of the real program. */
export function fsckLines(dump: ImageDump, r: FsckReport, o: FsckOptions): string[] {
  const { superblock: sb, log, bitmap, stats } = dump as { [K in keyof ImageDump]: NonNullable<ImageDump[K]> }
  const capacity = log.last_index + 1
  const size = (bytes: number, unit = 'G'): string => (o.human ? `${(bytes / GiB).toFixed(2)}${unit}` : String(bytes))
  const { amplification: amp } = r.capacity
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
    ...(r.buckets === null
      ? []
      : [
          'Stripe bucket info:',
          `  Wasted overhang: ${r.buckets.overhang} bytes (${r.buckets.overhang / sb.alloc_unit} au)`,
          ...r.buckets.list.flatMap((b, i) => [
            `  Bitmap range ${i}`,
            `    Size:   ${size(b.size)}`,
            `    In use: ${size(b.in_use, 'g')}`,
            `    Free:   ${size(b.free)}`,
            `    Free fragments: ${b.fragments}`,
            `    Largest frag:   ${size(b.largest)}`,
            `    Smallest frag:  ${size(b.smallest)}`,
          ]),
          '',
        ]),
  ]
}

export function fsck(name: string, o: FsckOptions): void {
  const buckets = o.nbuckets === undefined ? 0 : whole('--nbuckets', o.nbuckets, 1)
  if (buckets > MAX_BUCKETS) throw new UserError(`--nbuckets '${buckets}': expected at most ${MAX_BUCKETS}`)
  const image = lookAt(name)
  const report = fsckReport(image.dump, ownUuid(), buckets)
  if (image.problems.length > 0) process.exitCode = 1
  if (o.json) {
    console.log(JSON.stringify({ ...imageJson(image), ...report }))
    return
  }
  if (report === null) {
    console.error(`famsim: ${name}: ${image.problems[0]}`)
    return
  }
  const device = deviceLines(image)
  if (device.length > 0) device.push('')
  for (const l of [...device, ...fsckLines(image.dump, report, o), ...checkLines(image)]) console.log(l)
}
