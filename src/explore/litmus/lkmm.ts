// The kernel's memory model as axioms, for executions that are finished: does LKMM allow this one, and does it have a data
// race? Relation by relation after linux-kernel.cat (v6.3, with the locks of lock.cat), under the names used there. The
// weak model of the simulator works forward and knows nothing of this file: each is the other's test.
import type { Execution } from './execution.ts'
import { Relation } from './relation.ts'

export interface Judgement {
  /** Null: allowed; else the first axiom that it breaks. */
  readonly broken: 'coherence' | 'atomic' | 'happens-before' | 'propagation' | 'rcu' | 'plain-coherence' | null
  /** Two conflicting accesses, one of them plain, with nothing that orders them: their events' ids. */
  readonly race: readonly [number, number] | null
}

export function judge(x: Execution): Judgement {
  const { events } = x
  const n = events.length
  const on = (is: (e: (typeof events)[number]) => boolean): Relation => Relation.on(n, i => is(events[i]!))
  const where = (is: (a: (typeof events)[number], b: (typeof events)[number]) => boolean): Relation =>
    Relation.where(n, (a, b) => is(events[a]!, events[b]!))
  const seq = (r: Relation, ...rs: Relation[]): Relation => r.follow(...rs)

  const po = where((a, b) => a.process >= 0 && a.process === b.process && a.id < b.id)
  const id = on(() => true)
  const ext = where((a, b) => a.process < 0 || a.process !== b.process)
  const int = where((a, b) => a.process >= 0 && a.process === b.process)
  const loc = where((a, b) => a.where !== '' && a.where === b.where)
  const M = on(e => e.kind !== 'F')
  const R = on(e => e.kind === 'R')
  const W = on(e => e.kind === 'W')
  const Plain = on(e => e.plain)
  const Marked = on(e => !e.plain)
  const Acquire = on(e => e.acquire)
  const Release = on(e => e.release)
  const UL = on(e => e.lock === 'UL')
  const LKR = on(e => e.lock === 'LKR')
  const LKW = on(e => e.lock === 'LKW')
  const Noreturn = on(e => e.noreturn)
  const F = (name: string): Relation => on(e => e.fence === name)
  const fencerel = (name: string): Relation => seq(po, F(name), po)

  const rf = Relation.of(n, x.rf)
  const co = new Relation(n)
  for (const order of x.co)
    for (let i = 0; i < order.length; i++) for (let j = i + 1; j < order.length; j++) co.add(order[i]!, order[j]!)
  const fr = seq(rf.inverse(), co).minus(id)
  const rmw = Relation.of(n, x.rmw)
  const isRmw = on(e => x.rmw.some(([r, w]) => (r === e.id || w === e.id) && e.lock === ''))
  const [rfi, rfe] = [rf.and(int), rf.and(ext)]

  const carry = seq(Relation.of(n, x.data), rfi).star()
  const addr = seq(carry, Relation.of(n, x.addr))
  const data = seq(carry, Relation.of(n, x.data))
  const ctrl = seq(carry, Relation.of(n, x.ctrl))

  const acqPo = seq(Acquire, po, M)
  const poRel = seq(M, po, Release)
  const poUnlockLockPo = seq(po, UL, po.or(rf), LKR, po)
  const R4rmb = R.minus(Noreturn)
  const rmb = seq(R4rmb, fencerel('rmb'), R4rmb)
  const wmb = seq(W, fencerel('wmb'), W)
  const mb = seq(M, fencerel('mb'), M).or(
    seq(M, fencerel('before_atomic'), isRmw, po.opt(), M),
    seq(M, po.opt(), isRmw, fencerel('after_atomic'), M),
    seq(M, po.opt(), LKW, fencerel('after_spinlock'), M),
  )
  const gp = seq(po, F('synchronize_rcu'), po.opt())
  let strongFence = mb.or(gp)
  const nonrwFence = strongFence.or(poRel, acqPo)
  let fence = nonrwFence.or(wmb, rmb)

  const com = rf.or(co, fr)
  if (!po.and(loc).or(com).acyclic()) return { broken: 'coherence', race: null }
  if (!rmw.and(seq(fr.and(ext), co.and(ext))).empty()) return { broken: 'atomic', race: null }

  const dep = addr.or(data)
  const overwrite = co.or(fr)
  const toW = seq(dep.or(ctrl), W).or(overwrite.and(int), seq(addr, Plain, wmb))
  const toR = addr.or(seq(dep, Marked, rfi))
  const ppo = toR.or(toW, fence, poUnlockLockPo.and(int))

  const aCumul = (r: Relation): Relation => seq(seq(rfe, Marked).opt(), r)
  const rmwSequence = seq(rf, rmw).star()
  const cumulFence = seq(Marked, aCumul(strongFence.or(poRel)).or(wmb, poUnlockLockPo), Marked, rmwSequence)
  const prop = seq(Marked, overwrite.and(ext).opt(), cumulFence.star(), Marked, rfe.opt(), Marked)
  const hb = seq(Marked, ppo.or(rfe, prop.minus(id).and(int)), Marked)
  if (!hb.acyclic()) return { broken: 'happens-before', race: null }
  const pb = seq(prop, strongFence, hb.star(), Marked)
  if (!pb.acyclic()) return { broken: 'propagation', race: null }

  // Outermost critical sections, innermost ones matched first.
  const rscs = new Relation(n)
  const open: number[][] = []
  for (const e of events) {
    if (e.process < 0) continue
    open[e.process] ??= []
    const stack = open[e.process]!
    if (e.fence === 'rcu_read_lock') stack.push(e.id)
    else if (e.fence === 'rcu_read_unlock' && stack.length > 0) rscs.add(stack.pop()!, e.id)
  }
  const rcuGp = F('synchronize_rcu')
  let rb = new Relation(n)
  if (!rcuGp.empty()) {
    const rscsi = rscs.inverse()
    const link = seq(po.opt(), hb.star(), pb.star(), prop, po)
    let order = rcuGp
    for (;;) {
      const next = order.or(
        seq(rcuGp, link, rscsi),
        seq(rscsi, link, rcuGp),
        seq(rcuGp, link, order, link, rscsi),
        seq(rscsi, link, order, link, rcuGp),
        seq(order, link, order),
      )
      if (next.equals(order)) break
      order = next
    }
    const rcuFence = seq(po, order, po.opt())
    fence = fence.or(rcuFence)
    strongFence = strongFence.or(rcuFence)
    rb = seq(prop, rcuFence, hb.star(), pb.star(), Marked)
    if (!rb.irreflexive()) return { broken: 'rcu', race: null }
  }
  if (Plain.empty()) return { broken: null, race: null }

  const xbstar = hb.or(pb, rb).star()
  const vis = seq(cumulFence.star(), rfe.opt(), Marked, seq(strongFence, Marked, xbstar).or(xbstar.and(int)))
  const notNoreturn = id.minus(Noreturn)
  const wPre = seq(Marked, addr.or(fence).opt())
  const rPre = seq(Marked, addr.or(nonrwFence, seq(R4rmb, fencerel('rmb'), notNoreturn)).opt())
  const wPost = seq(fence.opt(), Marked, rmwSequence)
  const rPost = seq(nonrwFence.or(seq(notNoreturn, fencerel('rmb'), R4rmb)).opt(), Marked)
  const wwVis = fence.or(seq(strongFence, xbstar, wPre), seq(wPost, vis, wPre))
  const wrVis = fence.or(seq(strongFence, xbstar, rPre), seq(wPost, vis, rPre))
  const rwXbstar = fence.or(seq(rPost, xbstar, wPre))
  const isPlain = (e: (typeof events)[number]): boolean => e.plain
  const access = (e: (typeof events)[number]): boolean => e.kind !== 'F'
  const preRace = ext.and(where((a, b) => (isPlain(a) && access(b)) || (access(a) && a.process >= 0 && isPlain(b))))
  const incoherent = preRace
    .and(rf)
    .and(rwXbstar.inverse())
    .or(preRace.and(fr).and(wrVis.inverse()), preRace.and(co).and(wwVis.inverse()))
  if (!incoherent.empty()) return { broken: 'plain-coherence', race: null }

  const markedFirst = where((a, b) => !isPlain(a) && b.kind === 'W')
  const markedLast = where((a, b) => a.kind === 'W' && !isPlain(b))
  const wwNonrace = wwVis.and(markedFirst.or(rwXbstar)).and(markedLast.or(wrVis))
  const races = preRace
    .and(co)
    .minus(wwNonrace)
    .or(preRace.and(seq(co.opt(), rf)).minus(wrVis).minus(rwXbstar.inverse()), preRace.and(fr).minus(rwXbstar))
  for (let a = 0; a < n; a++) for (let b = 0; b < n; b++) if (races.has(a, b)) return { broken: null, race: [a, b] }
  return { broken: null, race: null }
}
