// The other way to the same answer: all executions of a straight-line test that LKMM allows, by trying every reads-from and
// every coherence order against the axioms. Shares nothing with the forward model but the events.
import { type Execution, judge, type LitmusEvent, type Pairs, Relation } from '../../src/explore/index.ts'

/** Names an execution: what read from what, and the coherence orders. */
export function signature(x: Execution): string {
  const rf = [...x.rf].sort((a, b) => a[1] - b[1]).map(([w, r]) => `${w}>${r}`)
  const co = x.co.map(o => o.join('<')).sort()
  return `${rf.join(' ')} | ${co.join(' ')}`
}

/** No load buffering: program order and reads-from make no cycle. */
export function runsForward(x: Execution): boolean {
  const n = x.events.length
  const po = Relation.where(n, (a, b) => {
    const [p, q] = [x.events[a]!, x.events[b]!]
    return p.process >= 0 && p.process === q.process && a < b
  })
  return po.or(Relation.of(n, x.rf)).acyclic()
}

function* permutations(xs: readonly number[]): Generator<number[]> {
  if (xs.length === 0) yield []
  for (const x of xs) for (const rest of permutations(xs.filter(y => y !== x))) yield [x, ...rest]
}

/** Coherence orders of the stores to one place: the initial one first; each lock is given up by who took it. */
function* orders(all: readonly LitmusEvent[]): Generator<number[]> {
  const init = all.find(e => e.process < 0)!.id
  for (const p of permutations(all.filter(e => e.process >= 0).map(e => e.id))) {
    const es = p.map(id => all.find(e => e.id === id)!)
    const locks = es.every((e, i) => {
      const before = es[i - 1]
      if (e.lock === 'LKW') return before === undefined || before.lock === 'UL'
      if (e.lock === 'UL') return before?.lock === 'LKW' && before.process === e.process && before.id < e.id
      return true
    })
    const program = es.every((e, i) => es.slice(i + 1).every(f => f.process !== e.process || e.id < f.id))
    if (locks && program) yield [init, ...p]
  }
}

/** Signatures of the allowed executions among all that have the events of `x`. */
export function allowed(x: Execution): Set<string> {
  const out = new Set<string>()
  const places = [...new Set(x.events.filter(e => e.kind === 'W').map(e => e.where))]
  const stores = places.map(p => x.events.filter(e => e.kind === 'W' && e.where === p))
  const reads = x.events.filter(e => e.kind === 'R')
  const choose = (i: number, co: number[][]): void => {
    if (i < places.length) {
      for (const o of orders(stores[i]!)) choose(i + 1, [...co, o])
      return
    }
    const readFrom = (k: number, rf: Pairs): void => {
      if (k === reads.length) {
        const y: Execution = { ...x, rf, co }
        if (runsForward(y) && judge(y).broken === null) out.add(signature(y))
        return
      }
      const r = reads[k]!
      const p = places.indexOf(r.where)
      const order = co[p]!
      const w = x.rmw.find(([read]) => read === r.id)?.[1]
      // An atomic reads the store right before its own.
      const from = w === undefined ? order : [order[order.indexOf(w) - 1]!]
      for (const s of from) readFrom(k + 1, [...rf, [s, r.id]])
    }
    readFrom(0, [])
  }
  choose(0, [])
  return out
}
