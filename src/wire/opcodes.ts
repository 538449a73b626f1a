// The one table of requests (kernel.md 1.7): number, what a request is made of, what its reply must look like. Codec,
// checks and printer all read it; nothing else in the simulator knows a message's shape.

import { type Flag, initFlags } from './constants.ts'
import type { AnyStruct } from './struct.ts'
import * as s from './structs.ts'

/** A part of a request after the header, in order: at most one struct, then names (NUL-terminated), then bytes. */
export type Part = AnyStruct | 'name' | 'data'

/** A reply body of one exact length: a struct, or that many bytes. */
export interface Fixed {
  readonly fixed: AnyStruct | number
}

/** A reply body that may be shorter than the waiter's room. */
export interface Variable {
  /** The waiter's room in bytes when every request has the same; null: it comes with the request (its size field). */
  readonly variable: number | null
  /** Struct in front that must be there in full; only what follows may be short. */
  readonly head?: AnyStruct
  /** The body is this struct and may be cut anywhere; what is missing counts as zero. */
  readonly cut?: AnyStruct
  /** What the reply is instead when the request asked with size 0. */
  readonly probe?: AnyStruct
}

/** One row as written below, and as a profile may override it. */
export interface OpRow {
  readonly number: number
  readonly in: readonly Part[]
  readonly out: 'none' | Fixed | Variable
  /** False: nobody waits, and an answer finds nothing to answer. Default true. */
  readonly reply?: boolean
  /** The server may also stay silent (INTERRUPT). */
  readonly optional?: boolean
  /** Smallest request struct accepted when older kernels send a shorter one, bytes; the rest reads as zero. */
  readonly least?: number
  /** Field that counts the data bytes, and bytes per count. A request that contradicts it is malformed. */
  readonly counts?: readonly [field: string, unit: number]
}

/** One opcode, with what the codec needs worked out once. */
export interface Op extends Required<Omit<OpRow, 'counts'>> {
  readonly name: string
  readonly counts: readonly [field: string, unit: number] | null
  /** The struct of the request, how many names follow it, whether data may follow those. */
  readonly struct: AnyStruct | null
  readonly names: number
  readonly data: boolean
}

const PAGE = 4096
const entry: Fixed = { fixed: s.fuse_entry_out }
const attr: Fixed = { fixed: s.fuse_attr_out }
const sized: Variable = { variable: null }
const xattr: Variable = { variable: null, probe: s.fuse_getxattr_out }

const ROWS = {
  LOOKUP: { number: 1, in: ['name'], out: entry },
  FORGET: { number: 2, in: [s.fuse_forget_in], out: 'none', reply: false },
  GETATTR: { number: 3, in: [s.fuse_getattr_in], out: attr },
  SETATTR: { number: 4, in: [s.fuse_setattr_in], out: attr },
  READLINK: { number: 5, in: [], out: { variable: PAGE - 1 } },
  SYMLINK: { number: 6, in: ['name', 'name'], out: entry },
  MKNOD: { number: 8, in: [s.fuse_mknod_in, 'name'], out: entry },
  MKDIR: { number: 9, in: [s.fuse_mkdir_in, 'name'], out: entry },
  UNLINK: { number: 10, in: ['name'], out: 'none' },
  RMDIR: { number: 11, in: ['name'], out: 'none' },
  RENAME: { number: 12, in: [s.fuse_rename_in, 'name', 'name'], out: 'none' },
  LINK: { number: 13, in: [s.fuse_link_in, 'name'], out: entry },
  OPEN: { number: 14, in: [s.fuse_open_in], out: { fixed: s.fuse_open_out } },
  READ: { number: 15, in: [s.fuse_read_in], out: sized },
  WRITE: { number: 16, in: [s.fuse_write_in, 'data'], out: { fixed: s.fuse_write_out }, counts: ['size', 1] },
  STATFS: { number: 17, in: [], out: { fixed: s.fuse_statfs_out } },
  RELEASE: { number: 18, in: [s.fuse_release_in], out: 'none' },
  FSYNC: { number: 20, in: [s.fuse_fsync_in], out: 'none' },
  SETXATTR: { number: 21, in: [s.fuse_setxattr_in, 'name', 'data'], out: 'none', counts: ['size', 1] },
  GETXATTR: { number: 22, in: [s.fuse_getxattr_in, 'name'], out: xattr },
  LISTXATTR: { number: 23, in: [s.fuse_getxattr_in], out: xattr },
  REMOVEXATTR: { number: 24, in: ['name'], out: 'none' },
  FLUSH: { number: 25, in: [s.fuse_flush_in], out: 'none' },
  INIT: { number: 26, in: [s.fuse_init_in], out: { variable: 64, cut: s.fuse_init_out }, least: 16 },
  OPENDIR: { number: 27, in: [s.fuse_open_in], out: { fixed: s.fuse_open_out } },
  READDIR: { number: 28, in: [s.fuse_read_in], out: sized },
  RELEASEDIR: { number: 29, in: [s.fuse_release_in], out: 'none' },
  FSYNCDIR: { number: 30, in: [s.fuse_fsync_in], out: 'none' },
  GETLK: { number: 31, in: [s.fuse_lk_in], out: { fixed: s.fuse_lk_out } },
  SETLK: { number: 32, in: [s.fuse_lk_in], out: 'none' },
  SETLKW: { number: 33, in: [s.fuse_lk_in], out: 'none' },
  ACCESS: { number: 34, in: [s.fuse_access_in], out: 'none' },
  CREATE: { number: 35, in: [s.fuse_create_in, 'name'], out: { fixed: s.fuse_create_out } },
  INTERRUPT: { number: 36, in: [s.fuse_interrupt_in], out: 'none', optional: true },
  BMAP: { number: 37, in: [s.fuse_bmap_in], out: { fixed: s.fuse_bmap_out } },
  DESTROY: { number: 38, in: [], out: 'none' },
  IOCTL: {
    number: 39,
    in: [s.fuse_ioctl_in, 'data'],
    out: { variable: null, head: s.fuse_ioctl_out },
    counts: ['in_size', 1],
  },
  POLL: { number: 40, in: [s.fuse_poll_in], out: { fixed: s.fuse_poll_out } },
  NOTIFY_REPLY: {
    number: 41,
    in: [s.fuse_notify_retrieve_in, 'data'],
    out: 'none',
    reply: false,
    counts: ['size', 1],
  },
  BATCH_FORGET: {
    number: 42,
    in: [s.fuse_batch_forget_in, 'data'],
    out: 'none',
    reply: false,
    counts: ['count', s.fuse_forget_one.size],
  },
  FALLOCATE: { number: 43, in: [s.fuse_fallocate_in], out: 'none' },
  READDIRPLUS: { number: 44, in: [s.fuse_read_in], out: sized },
  RENAME2: { number: 45, in: [s.fuse_rename2_in, 'name', 'name'], out: 'none' },
  LSEEK: { number: 46, in: [s.fuse_lseek_in], out: { fixed: s.fuse_lseek_out } },
  COPY_FILE_RANGE: { number: 47, in: [s.fuse_copy_file_range_in], out: { fixed: s.fuse_write_out } },
  SETUPMAPPING: { number: 48, in: [s.fuse_setupmapping_in], out: 'none' },
  REMOVEMAPPING: {
    number: 49,
    in: [s.fuse_removemapping_in, 'data'],
    out: 'none',
    counts: ['count', s.fuse_removemapping_one.size],
  },
  SYNCFS: { number: 50, in: [s.fuse_syncfs_in], out: 'none' },
  TMPFILE: { number: 51, in: [s.fuse_create_in, 'name'], out: { fixed: s.fuse_create_out } },
  STATX: { number: 52, in: [s.fuse_statx_in], out: { fixed: s.fuse_statx_out } },
  COPY_FILE_RANGE_64: { number: 53, in: [s.fuse_copy_file_range_in], out: { fixed: s.fuse_copy_file_range_out } },
  // famfs: neither has a body; the device index of GET_DAXDEV rides in the header's nodeid.
  GET_FMAP: { number: 54, in: [], out: { variable: PAGE } },
  GET_DAXDEV: { number: 55, in: [], out: { fixed: s.fuse_daxdev_out } },
  CUSE_INIT: { number: 4096, in: [s.cuse_init_in], out: { variable: null, head: s.cuse_init_out } },
} satisfies Record<string, OpRow>

/** Name of a request, without the FUSE_ prefix. */
export type OpName = keyof typeof ROWS

/** The opcode that INIT shows as when the other side has the other byte order. */
export const FUSE_INIT_BSWAP_RESERVED = 436207616

/** What one version of the protocol speaks. */
export interface OpcodeTable {
  /** Row of a number, undefined when the version has none. */
  byNumber(n: number): Op | undefined
  /** Row of a name (`LOOKUP`, no prefix), undefined when the version does not speak it. */
  byName(name: string): Op | undefined
  /** Rows by name for direct use: `table.op.LOOKUP`. One that lost its number to an override is absent. */
  readonly op: Readonly<Record<OpName, Op>>
  /** Every row, in order of number. */
  readonly all: readonly Op[]
  /** Names of the INIT flags in this version. */
  readonly initFlags: readonly Flag[]
}

/** A new number for a row, or new parts of it. */
export type OpOverride = number | Partial<OpRow>

/**
 * The table of one version. Overrides move rows to other numbers or reshape them (GET_FMAP 53 and GET_DAXDEV 54 in RFC
 * and V2; a request body for GET_FMAP in V2 and NEW; kernel.md 1.1). A moved row displaces what held the number.
 * `flags` names the INIT bits of the version. Throws for an unknown name or two overrides on one number.
 */
export function opcodeTable(
  overrides: Readonly<Record<string, OpOverride>> = {},
  flags: readonly Flag[] = initFlags(),
): OpcodeTable {
  const byNumber = new Map<number, Op>()
  const claim = (name: string, row: OpRow, moved: boolean): void => {
    const op = makeOp(name, row)
    const holder = byNumber.get(op.number)
    if (holder && moved) throw new Error(`opcodes: ${holder.name} and ${name} both ask for number ${op.number}`)
    if (!holder) byNumber.set(op.number, op)
  }
  for (const [name, change] of Object.entries(overrides)) {
    if (!Object.hasOwn(ROWS, name)) {
      throw new Error(`opcodes: no request is called ${name}; known: ${Object.keys(ROWS).join(' ')}`)
    }
    const row: OpRow = ROWS[name as OpName]
    claim(name, { ...row, ...(typeof change === 'number' ? { number: change } : change) }, true)
  }
  for (const [name, row] of Object.entries(ROWS)) if (!Object.hasOwn(overrides, name)) claim(name, row, false)

  // Every number but CUSE_INIT is small: an index costs a fifth of a hash.
  const small: (Op | undefined)[] = Array.from({ length: 64 }, (_, n) => byNumber.get(n))
  const all = [...byNumber.values()].sort((a, b) => a.number - b.number)
  const byName = new Map(all.map(op => [op.name, op]))
  return {
    byNumber: n => (n < 64 ? small[n] : byNumber.get(n)),
    byName: name => byName.get(name),
    op: Object.fromEntries(byName) as Record<OpName, Op>,
    all,
    initFlags: flags,
  }
}

function makeOp(name: string, row: OpRow): Op {
  const parts = row.in
  const structs = parts.filter(part => typeof part === 'object')
  const names = parts.filter(part => part === 'name').length
  const data = parts.includes('data')
  const inOrder = [...structs, ...parts.filter(part => part === 'name'), ...(data ? ['data' as const] : [])]
  if (structs.length > 1 || inOrder.length !== parts.length || inOrder.some((part, i) => part !== parts[i])) {
    throw new Error(`opcodes: ${name}: a request is at most one struct, then names, then data`)
  }
  const struct = structs[0] ?? null
  if (row.counts && !(data && struct && Object.hasOwn(struct.f, row.counts[0]))) {
    throw new Error(`opcodes: ${name}: nothing for ${row.counts[0]} to count`)
  }
  return {
    name,
    number: row.number,
    in: parts,
    out: row.out,
    reply: row.reply ?? true,
    optional: row.optional ?? false,
    least: row.least ?? struct?.size ?? 0,
    counts: row.counts ?? null,
    struct,
    names,
    data,
  }
}

/** The default table: famfs V3..V10, GET_FMAP 54 and GET_DAXDEV 55. */
export const OPCODES: OpcodeTable = opcodeTable()
