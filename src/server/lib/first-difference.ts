// Where two buffers of one length differ. Pure.

/** The first place, or -1. */
export function first_difference(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return i
  return -1
}
