// Recorded choices in few bytes: a table of the distinct ones, then runs of equal ones. A task that runs on for a thousand
// decisions is one run.
import type { Choice, ChoiceKind } from '../sim/index.ts'

/** Choices as a run file holds them. */
export interface PackedChoices {
  /** The distinct choices, in order of first use: kind and label. */
  readonly labels: readonly (readonly [ChoiceKind, string])[]
  /** Runs of equal choices in order: index into `labels`, how many (1 or more). */
  readonly runs: readonly (readonly [number, number])[]
}

/** Shorter form of a list of choices; `decodeChoices` gives the list back. */
export function encodeChoices(choices: readonly Choice[]): PackedChoices {
  const labels: [ChoiceKind, string][] = []
  const runs: [number, number][] = []
  const known = new Map<ChoiceKind, Map<string, number>>()
  let last = -1
  for (const { kind, label } of choices) {
    let byLabel = known.get(kind)
    if (byLabel === undefined) {
      byLabel = new Map()
      known.set(kind, byLabel)
    }
    let i = byLabel.get(label)
    if (i === undefined) {
      i = labels.push([kind, label]) - 1
      byLabel.set(label, i)
    }
    if (i === last) runs[runs.length - 1]![1]++
    else runs.push([i, 1])
    last = i
  }
  return { labels, runs }
}

/** The list again. Equal choices are one object. */
export function decodeChoices(p: PackedChoices): Choice[] {
  const table = p.labels.map(([kind, label]): Choice => ({ kind, label }))
  const out: Choice[] = []
  for (const [i, count] of p.runs) for (let k = 0; k < count; k++) out.push(table[i]!)
  return out
}

/** How many choices there are, without unpacking them. */
export const countChoices = (p: PackedChoices): number => p.runs.reduce((n, r) => n + r[1], 0)
