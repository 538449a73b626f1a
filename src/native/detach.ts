/**
 * Take the bytes from under every view of a buffer: each then has length 0, reads as undefined and refuses `set`, where a
 * touch of memory that is no longer mapped would kill the process.
 * `ArrayBuffer.prototype.transfer` does it. Node 20 has it behind a flag of V8 that counts for contexts made after it.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

type Transfer = (this: ArrayBuffer, length: number) => ArrayBuffer

let transfer: Transfer | null = null

const load = (): Transfer => {
  const own = (ArrayBuffer.prototype as { transfer?: Transfer }).transfer
  if (own !== undefined) return own
  setFlagsFromString('--harmony-rab-gsab-transfer')
  return runInNewContext('ArrayBuffer.prototype.transfer') as Transfer
}

/** Detach `buffer`. Nothing is copied. */
export const detach = (buffer: ArrayBuffer): void => {
  transfer ??= load()
  transfer.call(buffer, 0)
}
