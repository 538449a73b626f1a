// How a producer-consumer queue lies in its two files (userspace.md g): offsets, and one message as bytes. Pure.
import { crc32 } from '../../../media/index.ts'
import { getU64, setU64, viewOf } from '../../../wire/index.ts'

/** The producer's file: only the producer writes it. Buckets start at 2 MiB. */
export const PCQ_MAGIC = 0xbeebee3
export const P_NBUCKETS = 8
export const P_BUCKET_SIZE = 16
export const P_ARRAY_OFFSET = 24
export const P_INDEX = 32
export const P_NEXT_SEQ = 1064
export const P_PCQ_SIZE = 1072
/** Bytes of its header. */
export const P_HEADER = 1080
export const ARRAY_OFFSET = 0x200000

/** The consumer's file: only the consumer writes it. */
export const CONSUMER_MAGIC = 0xbeebee4
export const C_INDEX = 8
export const C_NEXT_SEQ = 1048592
export const C_PCQ_SIZE = 1048600
export const C_HEADER = 1048608
export const CONSUMER_SIZE = 0x200000

/** Behind the payload of a bucket: sequence number and CRC. */
export const TRAILER = 16

/** One message as the bytes of a bucket: payload, sequence number, CRC over both. */
export function encodeBucket(payload: Uint8Array, seq: number): Uint8Array {
  const b = new Uint8Array(payload.length + TRAILER)
  b.set(payload)
  const v = viewOf(b)
  setU64(v, b.byteOffset + payload.length, seq)
  setU64(v, b.byteOffset + payload.length + 8, crc32(b, 0, payload.length + 8))
  return b
}

/** The sequence number of a bucket; null: its CRC does not fit. */
export function bucketSeq(b: Uint8Array): number | null {
  const v = viewOf(b)
  const at = b.byteOffset + b.length - TRAILER
  return getU64(v, at + 8) === crc32(b, 0, b.length - 8) ? getU64(v, at) : null
}
