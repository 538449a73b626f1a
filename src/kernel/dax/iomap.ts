// struct iomap: the answer of a file system to "where is this range of this file".
import type { dax_device } from '../../devdax/index.ts'
import type { Op } from '../../sim/index.ts'
import type { Inode } from '../vfs/inode.ts'

/** Operation flags, as passed to iomap_begin. */
export const IOMAP_WRITE = 0x1
export const IOMAP_FAULT = 0x8
export const IOMAP_DAX = 0x100
/** Mapping flag, as the core reads it back: freshly allocated. Its value is IOMAP_WRITE's (kernel.md 2.9, defect L01). */
export const IOMAP_F_NEW = 0x1

export interface iomap {
  /** Byte offset in dax_dev. */
  addr: number
  /** Byte offset in the file. */
  offset: number
  /** Bytes valid from there. */
  length: number
  flags: number
  dax_dev: dax_device | null
}

export interface iomap_ops {
  /** Fill `map` for [offset, offset + length): 0 or -errno. */
  iomap_begin(inode: Inode, offset: number, length: number, flags: number, map: iomap): Op<number>
}

export const new_iomap = (): iomap => ({ addr: 0, offset: 0, length: 0, flags: 0, dax_dev: null })
