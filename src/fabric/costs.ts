// What the ways to memory cost: data only. Where each figure comes from is in docs/07-fabric.md, "The figures".

/** A way, or a stretch of one: ns until the first byte, and bytes per ns after it. */
export interface Cost {
  readonly latency: number
  readonly bytesPerNs: number
}

/** From a host to a device: one PCIe 5.0 x8 port. */
export const LINK: Cost = { latency: 155, bytesPerNs: 28 }
/** The device behind it: controller and DRAM. What all hosts share. */
export const DEVICE: Cost = { latency: 95, bytesPerNs: 36 }
/** A host's own DRAM. */
export const LOCAL: Cost = { latency: 95, bytesPerNs: 307 }
/** A line that is in the host's cache. */
export const HIT: Cost = { latency: 26, bytesPerNs: 100 }

/** One instruction that writes back or drops a line, without the write-back itself, ns. */
export const FLUSH = 2

/** Bytes of a device that one host's cache holds at most. */
export const CACHE_SIZE = 32 * 1024 * 1024
