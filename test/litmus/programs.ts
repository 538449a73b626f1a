// Random straight-line litmus tests: every execution of one has the same events.

/** Draws a whole number below `n`. */
export type Draw = (n: number) => number

export interface Shape {
  readonly processes: number
  readonly statements: number
  /** Kinds of statements to draw from. */
  readonly kinds: readonly Kind[]
}

export type Kind = 'once' | 'ordered' | 'fence' | 'atomic' | 'dependent' | 'lock' | 'rcu' | 'plain'
export const ALL_KINDS: readonly Kind[] = ['once', 'ordered', 'fence', 'atomic', 'dependent', 'lock', 'rcu', 'plain']

/** The text of a test over x, y and z. */
export function program(s: Shape, draw: Draw): string {
  const out = ['C random', '{ spinlock_t s; }']
  let value = 0
  const one = <T>(xs: readonly T[]): T => xs[draw(xs.length)]!
  for (let p = 0; p < s.processes; p++) {
    const body: string[] = []
    const regs: string[] = []
    let locked = false
    let looked = false
    let reading = false
    const fresh = (): string => {
      regs.push(`r${regs.length}`)
      return regs[regs.length - 1]!
    }
    const statements = 1 + draw(s.statements)
    for (let i = 0; i < statements; i++) {
      const l = one(['x', 'y', 'z'].slice(0, s.processes > 2 ? 3 : 2))
      value++
      switch (one(s.kinds)) {
        case 'once':
          body.push(draw(2) ? `WRITE_ONCE(*${l}, ${value})` : `int ${fresh()} = READ_ONCE(*${l})`)
          break
        case 'plain':
          body.push(draw(2) ? `*${l} = ${value}` : `int ${fresh()} = *${l}`)
          break
        case 'ordered':
          body.push(draw(2) ? `smp_store_release(${l}, ${value})` : `int ${fresh()} = smp_load_acquire(${l})`)
          break
        case 'fence':
          body.push(
            `${one(['smp_mb', 'smp_rmb', 'smp_wmb', 'smp_mb', 'smp_mb__before_atomic', 'smp_mb__after_atomic'])}()`,
          )
          break
        case 'atomic': {
          const order = one(['', '_relaxed', '_acquire', '_release'])
          const r = draw(4)
          if (r === 0) body.push(`atomic_inc(${l})`)
          else if (r === 1) body.push(`int ${fresh()} = xchg${order}(${l}, ${value})`)
          else body.push(`int ${fresh()} = atomic_fetch_add${order}(${value}, ${l})`)
          break
        }
        case 'dependent': {
          if (regs.length === 0) {
            body.push(`int ${fresh()} = READ_ONCE(*${l})`)
            break
          }
          const r = one(regs)
          const d = draw(4)
          if (d === 0) body.push(`WRITE_ONCE(*${l}, ${value} + (${r} & 0))`)
          else if (d === 1) body.push(`WRITE_ONCE(*(${l} + (${r} & 0)), ${value})`)
          else if (d === 2) body.push(`int ${fresh()} = READ_ONCE(*(${l} + (${r} & 0)))`)
          else body.push(`if (${r} >= 0) WRITE_ONCE(*${l}, ${value})`)
          break
        }
        case 'lock':
          if (locked) body.push('spin_unlock(s)')
          else if (!looked && draw(4) === 0) body.push(`int ${fresh()} = spin_is_locked(s)`)
          else body.push('spin_lock(s)', ...(draw(3) === 0 ? ['smp_mb__after_spinlock()'] : []))
          if (body[body.length - 1]!.includes('is_locked')) looked = true
          else locked = !locked
          break
        case 'rcu':
          if (reading) {
            body.push('rcu_read_unlock()')
            reading = false
          } else if (draw(2) === 0) {
            body.push('rcu_read_lock()')
            reading = true
          } else body.push('synchronize_rcu()')
          break
      }
    }
    if (reading) body.push('rcu_read_unlock()')
    if (locked) body.push('spin_unlock(s)')
    out.push(`P${p}(int *x, int *y, int *z, spinlock_t *s) {`, ...body.map(b => `  ${b};`), '}')
  }
  out.push('exists (x=0)')
  return out.join('\n')
}
