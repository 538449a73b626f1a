// What may happen to cache lines by itself: a line is evicted, or a write-back that was asked for lands before its fence. When
// that happened shows only to who accesses the line, so it is asked right before an access, for the lines of the access: every
// earlier moment would come to the same. Option 0 is that nothing happens: write-backs land at their fence, and nothing is
// evicted. That keeps a search finite, and costs no task and no scheduling point. How many lines may be evicted in an execution
// is bounded by the device's `evictions`.
//
// Lines that are clean and equal to the memory are never offered: dropping them changes nothing until they differ, and then
// they are offered. On a device that keeps hosts coherent nothing of this shows at all.
import type { Option, Task } from '../sim/index.ts'
import { land, type PageLines, type Port } from './fabric.ts'
import { dirtyOf, eachRun, LINE, PAGE, validOf } from './lines.ts'

/** What the access does with the lines: reads them, writes them, or is the landing of a write-back. */
export type Access = 'load' | 'store' | 'landing'

interface Event extends Option {
  readonly happen: () => void
}

const NOTHING: Event = { label: 'nothing', happen: () => {} }
/** Most lines that are offered at once, the lowest of the access. */
const MOST = 64

/** Ask what happens to these lines before `t` gets at them through `port`. */
export function chance(t: Task, port: Port, pages: readonly PageLines[], access: Access): void {
  const { m } = t
  const { device } = port
  if (device.coherence !== 'none' || !m.deciding) return
  const { watch } = m.journal
  if (device.evictions > 0) watch?.touch(device, false)
  if (device.flights.length === 0 && device.left === 0) return
  for (;;) {
    const events = [NOTHING]
    for (const p of pages) {
      landings(t, port, p, access, events)
      if (device.left > 0) evictions(port, p, access, events)
    }
    if (events.length > MOST) events.length = MOST
    const i = m.choose('line', events)
    if (i === 0) return
    watch?.touch(device.memory, true)
    events[i]!.happen()
  }
}

const place = (port: Port, no: number, line: number): string =>
  `${port.device.memory.name}+0x${(no * PAGE + line * LINE).toString(16)}`

/** The line as a mask. */
const lo = (line: number): number => (line < 32 ? 1 << line : 0)
const hi = (line: number): number => (line < 32 ? 0 : 1 << (line - 32))

/**
 * Lines of `p` for which it matters what others write back: not those that a load finds in its own cache, unless they may go
 * from there.
 */
const open = (port: Port, p: PageLines, access: Access): PageLines => {
  const { device } = port
  const mine = port.lines!.page(p.no)
  if (access !== 'load' || mine === undefined || device.left > 0) return p
  if (device.flights.some(f => f.port === port && f.drop && f.no === p.no)) return p
  const [a, b] = validOf(mine)
  return { no: p.no, lo: p.lo & ~a, hi: p.hi & ~b }
}

/** Write-backs in flight. An own one that leaves the line changes nothing for a load. */
function landings(t: Task, port: Port, p: PageLines, access: Access, into: Event[]): void {
  const { device } = port
  for (const f of device.flights) {
    if (f.no !== p.no || (access === 'landing' && f.task === t)) continue
    if (f.port === port && access === 'load' && !f.drop) continue
    const page = f.port.lines!.page(f.no)
    if (page === undefined) continue
    const [a, b] = f.drop ? validOf(page) : dirtyOf(page)
    const q = f.port === port ? p : open(port, p, access)
    eachRun(f.lo & q.lo & a, f.hi & q.hi & b, (first, lines) => {
      for (let line = first; line < first + lines; line++)
        into.push({
          label: `${f.port.host.name} ${f.drop ? 'writes back and drops' : 'writes back'} ${place(port, f.no, line)}`,
          happen: () => {
            land(f, lo(line), hi(line))
            const rest = { ...f, lo: f.lo & ~lo(line), hi: f.hi & ~hi(line) }
            device.landed([f], (rest.lo | rest.hi) === 0 ? [] : [rest])
          },
        })
    })
  }
}

/** Dirty lines of others. Own lines that are stale; own dirty ones before a store. */
function evictions(port: Port, p: PageLines, access: Access, into: Event[]): void {
  const { device } = port
  for (const other of device.ports) {
    const lines = other.lines!
    const page = lines.page(p.no)
    if (page === undefined || (other === port && access === 'landing')) continue
    const offer = (line: number): void => {
      into.push({
        label: `${other.host.name} evicts ${place(port, p.no, line)}`,
        happen: () => {
          device.evict()
          lines.drop(p.no, page, lo(line), hi(line))
        },
      })
    }
    if (other !== port || access === 'store') {
      const [a, b] = dirtyOf(page)
      eachRun(p.lo & a, p.hi & b, (first, n) => {
        for (let line = first; line < first + n; line++) offer(line)
      })
    }
    if (other === port) lines.stale(p.no, page, p.lo, p.hi, offer)
  }
}
