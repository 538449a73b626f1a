// What the end states of a litmus test say about its claim.
import type { Litmus, Prop, Value } from './syntax.ts'

/** How an execution ended: registers by process, and locations. */
export interface EndState {
  register(process: number, name: string): Value
  location(name: string): Value
}

export function holds(p: Prop, s: EndState): boolean {
  switch (p.op) {
    case 'const':
      return p.v
    case 'not':
      return !holds(p.of, s)
    case 'and':
      return p.of.every(q => holds(q, s))
    case 'or':
      return p.of.some(q => holds(q, s))
    default: {
      const v = p.process < 0 ? s.location(p.name) : s.register(p.process, p.name)
      return (v === p.v) === (p.op === 'is')
    }
  }
}

/** How often the proposition behind `exists`, `~exists` or `forall` held. */
export type Observation = 'Never' | 'Sometimes' | 'Always'

export const observation = (yes: number, no: number): Observation =>
  yes === 0 ? 'Never' : no === 0 ? 'Always' : 'Sometimes'

/** Is the claim, with its quantifier, true? */
export const claimHolds = (l: Litmus, o: Observation): boolean =>
  l.quantifier === 'forall' ? o === 'Always' : l.quantifier === 'exists' ? o !== 'Never' : o === 'Never'

/** The execution to show: one that satisfies `exists`, one that breaks `forall`. */
export const isWitness = (l: Litmus, held: boolean): boolean => (l.quantifier === 'forall' ? !held : held)
