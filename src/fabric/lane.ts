// Time on the way. Links and devices carry one transfer after the other: each has a time until which it is busy. Under the
// policy `free` time serves timers only and is no footprint, so there nobody waits for anybody and every transfer costs the same.
import { type Machine, trunc } from '../sim/index.ts'
import type { Cost } from './costs.ts'

/** A link or a device, as far as time goes. */
export class Lane {
  readonly cost: Cost
  /** ns, not rounded: a line takes little more than two. */
  busy_until = 0
  constructor(m: Machine, cost: Cost) {
    this.cost = cost
    m.journal.addSaver({
      save: () => this.busy_until,
      restore: v => {
        this.busy_until = v
      },
    })
  }
  /** Carry `bytes` that come at `now`; when the last one has passed. */
  carry(now: number, bytes: number): number {
    if (now > this.busy_until) this.busy_until = now
    this.busy_until += bytes / this.cost.bytesPerNs
    return this.busy_until
  }
}

/** When a transfer of `bytes` over link and device that begins at `now` has arrived. */
export function arrival(m: Machine, now: number, bytes: number, link: Lane, device: Lane): number {
  const latency = link.cost.latency + device.cost.latency
  const a = link.cost.bytesPerNs
  const b = device.cost.bytesPerNs
  if (m.policy === 'free') return now + trunc(latency + bytes / (a < b ? a : b))
  const over = link.carry(now, bytes)
  const out = device.carry(now, bytes)
  return trunc(latency + (over > out ? over : out))
}
