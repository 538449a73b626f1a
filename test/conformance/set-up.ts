// What the tests of measured facts start from.
import { type RawServer, Rig, type RigOptions, simpleMap } from '../../src/conform/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { errnoName } from '../../src/wire/index.ts'

/** Result as a name when it is an error. */
export const E = (n: number): number | string => (n < 0 ? errnoName(-n) : n)
/** V10 without its test that only device 0 is named: what is marked O* was measured so. */
export const NO_B44: RigOptions = { switches: { noDefect: ['B44'] } }
/** 2 MiB: a page-table entry's huge page, and what extents are made of. */
export const TWO = MiB(2)

/** A mounted server and the host it is mounted on. */
export interface SetUp {
  readonly rig: Rig
  readonly s: RawServer
  readonly mt: ReturnType<Rig['mount']>
}

/** A mounted server with these files; node ids from 100. A number for a map is the errno of GET_FMAP. */
export const setUp = (
  files: Record<string, Uint8Array | number>,
  o: RigOptions = {},
  before?: (s: RawServer, rig: Rig) => void,
): SetUp => {
  const rig = new Rig(o)
  const s = rig.server()
  let nodeid = 100
  for (const [name, fmap] of Object.entries(files)) {
    const dv = typeof fmap === 'number' ? null : new DataView(fmap.buffer, fmap.byteOffset, fmap.byteLength)
    const size = dv === null || dv.byteLength < 24 ? 4096 : Number(dv.getBigInt64(16, true))
    s.files.set(name, { nodeid: nodeid++, size: size < 0 ? 4096 : size, fmap })
  }
  before?.(s, rig)
  const mt = rig.mount(s)
  return { rig, s, mt }
}

/** What is logged while `f` runs; the server has come to rest before it looks. GETATTR of the root is left out. */
export const logged = (s: RawServer, f: () => void): string[] => {
  const from = s.log.length
  f()
  return s.log.slice(from).filter(l => l !== 'GETATTR:1')
}

/** The map of a file of 2 MiB. */
export const ONE = simpleMap([[0, MiB(8), TWO]])
