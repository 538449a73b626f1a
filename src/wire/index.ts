// FUSE bytes: one table of opcodes and structs, and from it codec, checks and pretty-printer (kernel.md 1.1, 1.7, 1.8).
// Bytes in, values out: this room reads and writes no device and keeps no state that shows.

export { viewOf } from './buffer.ts'
export * from './codec.ts'
export * from './constants.ts'
export * from './dirent.ts'
export * from './errno.ts'
export * from './famfs-ioctl.ts'
export * from './fmap.ts'
export * from './notify.ts'
export * from './opcodes.ts'
export * from './print.ts'
export * from './struct.ts'
export * from './structs.ts'
export { getText, putText, textLength } from './text.ts'
export { getU64, getU64Big, setU64, setU64Big, u64words } from './u64.ts'
