// Cases measured on a real kernel, replayed on the model.

export { type Mapping, type Resolved, resolvedBy, type Verdict, verdictsOf } from './bare-map.ts'
export { describedFile } from './file-words.ts'
export { Fnv } from './fnv.ts'
export { scripted } from './in-world.ts'
export { fmapOf, patched, simpleMap } from './maps.ts'
export { notification, notify } from './notify.ts'
export { type Answer, type RawDaxdev, type RawFile, RawServer, replyBytes } from './raw-server.ts'
export { DEVICE_SIZE, type Mounted, mountBody, pushDaxdev, Rig, type RigOptions, Stuck, serverDies } from './rig.ts'
export type { ReplaySetting } from './setting.ts'
export { Tally } from './tally.ts'
export { parseTrace, replayCase, type Trace, type TraceCase, type TraceFormat } from './trace.ts'
export { runsOf, wordBacking } from './word-memory.ts'
