// Striping: which byte of which strip is this byte of a group (kernel.md 2.9). One piece of arithmetic for both famfs.
import { min, Oops } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'
import type { famfs_meta_interleaved_ext, famfs_meta_simple_ext } from './famfs_kfmap.ts'

/** A u64 that came as a signed number. */
export const unsigned = (v: number): number => (v < 0 ? v + 2 ** 64 : v)

/** Bytes of a file that a group holds. */
export const group_size = (fei: famfs_meta_interleaved_ext, file_size: number): number =>
  min(unsigned(fei.fie_nbytes), unsigned(file_size))

/**
 * Byte `local` of a group of `ext_size` bytes: its strip, the byte of the device, and how much follows in its chunk (L09: also where
 * the group ends before). B18 lost the stripe: every one is taken for the first (how it went wrong is inferred). `fn`: who
 * divides, by what may be 0 (L10).
 */
export function in_stripe(
  k: Kernel,
  fei: famfs_meta_interleaved_ext,
  local: number,
  ext_size: number,
  fn: string,
): { readonly strip: famfs_meta_simple_ext; readonly addr: number; readonly left: number } {
  const { fie_chunk_size: chunk_size, fie_nstrips: nstrips } = fei
  if (chunk_size === 0 || nstrips === 0) throw new Oops(`divide error in ${fn} (L10)`)
  const chunk_offset = local % chunk_size
  const chunk_num = (local - chunk_offset) / chunk_size
  const strip_num = chunk_num % nstrips
  const stripe_num = k.profile.has('B18') ? 0 : (chunk_num - strip_num) / nstrips
  const strip = fei.ie_strips[strip_num]!
  const left = chunk_size - chunk_offset
  return {
    strip,
    addr: strip.ext_offset + chunk_offset + stripe_num * chunk_size,
    left: k.profile.has('L09') ? left : min(left, ext_size - local),
  }
}
