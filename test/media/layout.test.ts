import { expect, test } from 'vitest'
import * as c from '../../src/media/constants.ts'
import { logCapacity } from '../../src/media/index.ts'
import { vectors } from './images.ts'

const layout = vectors<{
  sizes: Record<string, number>
  offsets: Record<string, number>
  logs: [number, number, number][]
  constants: Record<string, number>
}>('media-layout')

const offsets: [string, number][] = [
  ['SB.ts_magic', c.SB.magic],
  ['SB.ts_version', c.SB.version],
  ['SB.ts_log_offset', c.SB.logOffset],
  ['SB.ts_log_len', c.SB.logLen],
  ['SB.ts_alloc_unit', c.SB.allocUnit],
  ['SB.ts_omf_ver_major', c.SB.omfMajor],
  ['SB.ts_omf_ver_minor', c.SB.omfMinor],
  ['SB.ts_uuid', c.SB.fsUuid],
  ['SB.ts_dev_uuid', c.SB.devUuid],
  ['SB.ts_system_uuid', c.SB.systemUuid],
  ['SB.ts_crc', c.SB.crc],
  ['SB.ts_sb_flags', c.SB.sbFlags],
  ['SB.ts_daxdev', c.SB.daxdevSize],
  ['SB.ts_daxdev.dd_size', c.SB.daxdevSize],
  ['SB.ts_daxdev.dd_uuid', c.SB.daxdevUuid],
  ['SB.ts_daxdev.dd_daxdev', c.SB.daxdevName],
  ['LOG.famfs_log_magic', c.LH.magic],
  ['LOG.famfs_log_len', c.LH.logLen],
  ['LOG.famfs_log_last_index', c.LH.lastIndex],
  ['LOG.famfs_log_crc', c.LH.crc],
  ['LOG.famfs_log_next_seqnum', c.LH.nextSeqnum],
  ['LOG.famfs_log_next_index', c.LH.nextIndex],
  ['LOG.entries', c.LOG_HEADER_SIZE],
  ['LE.famfs_log_entry_seqnum', c.LE.seqnum],
  ['LE.famfs_log_entry_type', c.LE.type],
  ['LE.famfs_fm', c.LE.payload],
  ['LE.famfs_md', c.LE.payload],
  ['LE.famfs_dd', c.LE.payload],
  ['LE.famfs_log_entry_crc', c.LE.crc],
  ['FM.fm_size', c.LE_FILE.size - c.LE.payload],
  ['FM.fm_flags', c.LE_FILE.flags - c.LE.payload],
  ['FM.fm_uid', c.LE_FILE.uid - c.LE.payload],
  ['FM.fm_gid', c.LE_FILE.gid - c.LE.payload],
  ['FM.fm_mode', c.LE_FILE.mode - c.LE.payload],
  ['FM.fm_relpath', c.LE_FILE.path - c.LE.payload],
  ['FM.fm_fmap', c.LE_FILE.fmap - c.LE.payload],
  ['FMAP.fmap_ext_type', c.FM.extType],
  ['FMAP.fmap_nextents', c.FM.count],
  ['FMAP.fmap_niext', c.FM.count],
  ['FMAP.se', c.FM.extents],
  ['FMAP.ie', c.FM.nstrips],
  ['SE.se_devindex', c.SE.dev],
  ['SE.se_offset', c.SE.offset],
  ['SE.se_len', c.SE.len],
  ['IE.ie_nstrips', c.FM.nstrips - c.FM.extents],
  ['IE.ie_chunk_size', c.FM.chunkSize - c.FM.extents],
  ['IE.ie_strips', c.FM.strips - c.FM.extents],
  ['MD.md_uid', c.LE_MKDIR.uid - c.LE.payload],
  ['MD.md_gid', c.LE_MKDIR.gid - c.LE.payload],
  ['MD.md_mode', c.LE_MKDIR.mode - c.LE.payload],
  ['MD.md_relpath', c.LE_MKDIR.path - c.LE.payload],
  ['AD.dd_size', c.LE_DAXDEV.size - c.LE.payload],
  ['AD.dd_uuid', c.LE_DAXDEV.uuid - c.LE.payload],
  ['AD.dd_index', c.LE_DAXDEV.index - c.LE.payload],
]

test.each(offsets)('%s lies at byte %i', (name, at) => {
  expect(at).toBe(layout.offsets[name])
})

test('every field of the reference layout is in the table', () => {
  expect(offsets.map(o => o[0]).sort()).toEqual(Object.keys(layout.offsets).sort())
})

test.each([
  ['SB', c.SB_SIZE],
  ['LOG', c.LOG_HEADER_SIZE],
  ['LE', c.ENTRY_SIZE],
  ['FM', c.LE.crc - c.LE.payload],
  ['FMAP', c.FMAP_SIZE],
  ['SE', c.EXTENT_SIZE],
  ['IE', c.FM.strips - c.FM.nstrips + c.MAX_STRIPS * c.EXTENT_SIZE],
  ['MD', c.LE_MKDIR.path - c.LE.payload + c.PATH_FIELD],
])('struct %s has %i bytes', (name, size) => {
  expect(size).toBe(layout.sizes[name])
})

test.each([...layout.logs, [c.LOG_HEADER_SIZE, 0, -1], [0, 0, -1], [c.LOG_HEADER_SIZE + c.ENTRY_SIZE, 1, 0]])(
  'a log of %i bytes holds %i entries, the last one is %i',
  (len, entries, last) => {
    expect(logCapacity(len)).toBe(entries)
    expect(logCapacity(len) - 1).toBe(last)
  },
)

test('limits', () => {
  expect({
    MAX_SIMPLE_EXTENTS: c.MAX_EXTENTS,
    MAX_IEXT: c.MAX_INTERLEAVED,
    MAX_NBUCKETS: c.MAX_BUCKETS,
    MAX_PATHLEN: c.PATH_FIELD,
    DEVNAME_LEN: c.NAME_FIELD,
    SB_SIZE: c.SB_AREA,
    LOG_LEN: c.LOG_LEN_DEFAULT,
    ALLOC_UNIT: c.AU_SIZE,
  }).toEqual(layout.constants)
})
