// Cases measured on a real kernel, replayed on the model.
export { scripted } from './in-world.ts'
export { fmapOf, patched, simpleMap } from './maps.ts'
export { type Answer, type RawDaxdev, type RawFile, RawServer, replyBytes } from './raw-server.ts'
export { DEVICE_SIZE, type Mounted, pushDaxdev, Rig, type RigOptions, serverDies } from './rig.ts'
export { runsOf, wordBacking } from './word-memory.ts'
