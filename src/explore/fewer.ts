// Fewer choices that are not the default, as long as the run fails in the same way.
//
// A deviation is a decision that did not take option 0. Taking one away changes what follows, so deviations are named by
// what the tasks had done, not by number: "where task a would go on after 12 steps of its own, b runs" (places.ts). Blocks
// of them are replaced by the default, half of all, a quarter, and so on down to one by one (delta debugging), then pairs.
// At the end the same is tried with decisions by number, so that what remains is minimal for a reader of the choices too.
import type { Chooser, Machine } from '../sim/index.ts'
import { minimise } from './minimise.ts'
import { PlaceChooser, type Placed, PlaceTape } from './places.ts'
import { type Deviation, followDeviations, Tape } from './tape.ts'

/** A failing run, and how to try it again. */
export interface Fewer {
  readonly m: Machine
  /** The best so far. */
  deviations: readonly Deviation[]
  /** Run: does it fail in the same way? May throw when it has been asked often enough. */
  fails(c: Chooser): boolean
}

/** Up to so many deviations, all pairs are tried; beyond, neighbours only. */
const ALL_PAIRS = 24
/** Beyond so many, no pairs. */
const PAIRS = 500

/** One round; another may find more. */
export function fewer(f: Fewer): void {
  byPlace(f)
  byPairs(f)
  byNumber(f)
}

/** Leave out deviations named by their place. */
function byPlace(f: Fewer): void {
  const places = new PlaceTape(f.m, followDeviations(f.deviations))
  if (!f.fails(places)) return
  const chooser = new PlaceChooser(f.m, places.found)
  minimise([...places.found.keys()], part => {
    chooser.on.fill(0)
    for (const i of part) chooser.on[i] = 1
    const tape = new Tape(f.m, chooser)
    if (!f.fails(tape)) return null
    f.deviations = [...tape.deviations]
    return [...chooser.taken].sort((x, y) => x - y)
  })
}

/**
 * What single ones do not reach: two that only work together are left out (there and back again), and of two in a row,
 * "to c, from there to b", the detour is left out.
 */
function byPairs(f: Fewer): void {
  for (let again = true; again && f.deviations.length > 1 && f.deviations.length <= PAIRS; ) {
    again = false
    const places = new PlaceTape(f.m, followDeviations(f.deviations))
    if (!f.fails(places)) return
    for (const part of pairsOf([...places.found])) {
      const chooser = new PlaceChooser(f.m, part)
      chooser.on.fill(1)
      const tape = new Tape(f.m, chooser)
      if (!f.fails(tape) || tape.deviations.length >= f.deviations.length) continue
      f.deviations = [...tape.deviations]
      again = true
      break
    }
  }
}

/** Leave out deviations named by the number of their decision. */
function byNumber(f: Fewer): void {
  minimise(f.deviations, part => {
    const tape = new Tape(f.m, followDeviations(part))
    if (!f.fails(tape)) return null
    f.deviations = [...tape.deviations]
    return [...tape.deviations]
  })
}

/** The lists to try: without a detour, then without two. */
function* pairsOf(all: readonly Placed[]): Generator<Placed[]> {
  const n = all.length
  for (let i = 0; i + 1 < n; i++)
    yield [...all.slice(0, i), { place: all[i]!.place, label: all[i + 1]!.label }, ...all.slice(i + 2)]
  for (let i = 0; i < n; i++)
    for (let j = i + 1; j < n && (n <= ALL_PAIRS || j === i + 1); j++) yield all.filter((_, k) => k !== i && k !== j)
}
