// The C litmus format: what is read, and what is refused, with file, line and column and what was expected.
import { describe, expect, it } from 'vitest'
import { LitmusError, parseLitmus, runLitmus } from '../../src/explore/index.ts'

const test = (body: string, claim = 'exists (0:r1=1)', init = ''): string =>
  `C t\n{${init}}\nP0(int *x, int *y, int **p, spinlock_t *s, atomic_t *a)\n{\n${body}\n}\n${claim}\n`
const verdict = (text: string): string => runLitmus(parseLitmus('t.litmus', text), { model: 'sc' }).verdict

describe('is read', () => {
  const yes: readonly (readonly [string, string])[] = [
    ['declaration with a value', test('int r1 = 1;')],
    ['several declarations', test('int r0 = 0, r1 = 1;')],
    ['no declaration', test('r1 = 1;')],
    ['plain store and load', test('*x = 1; r1 = *x;')],
    ['accessors', test('WRITE_ONCE(*x, 1); int r1 = READ_ONCE(*x);')],
    ['release, acquire', test('smp_store_release(x, 1); int r1 = smp_load_acquire(x);')],
    ['an access inside an expression', test('WRITE_ONCE(*x, 2); WRITE_ONCE(*y, READ_ONCE(*x) - 1); int r1 = *y;')],
    ['pointers', test('rcu_assign_pointer(*p, x); int *q = rcu_dereference(*p); *q = 1; int r1 = *x;')],
    ['the address of', test('*p = &x; int r1 = *p == x;', 'exists (0:r1=1 /\\ p=x)')],
    ['a pointer in the initial state', test('int *q = *p; int r1 = *q;', undefined, ' x=1; int *p=&x; ')],
    ['a pointer without &', test('int *q = *p; int r1 = *q;', undefined, ' p=x; x=1; ')],
    ['a register in the initial state', test('r1 = r0;', undefined, ' 0:r0=1; ')],
    ['if and else', test('int r0 = *x; int r1; if (r0) { r1 = 2; } else r1 = 1;')],
    ['else of the inner if', test('int r1 = 1; if (1) if (0) r1 = 2; else r1 = 1;')],
    ['precedence', test('int r1 = 1 + 2 * 3 == 7 && !(4 < 3);')],
    ['short circuit', test('int r1 = 1 || READ_ONCE(*p);')],
    ['bits and shifts', test('int r1 = ((6 & 3) | 4) >> 1 ^ 2;')],
    ['hexadecimal, negative', test('int r0 = -0x10; int r1 = r0 + 17;')],
    ['casts', test('int r1 = (int)(1);')],
    ['cmpxchg that succeeds', test('int r0 = cmpxchg(x, 0, 1); int r1 = *x;', 'exists (0:r0=0 /\\ 0:r1=1)')],
    ['cmpxchg that fails', test('int r0 = cmpxchg(x, 3, 2); int r1 = *x + 1;')],
    ['xchg', test('int r0 = xchg_relaxed(x, 1); int r1 = xchg(x, 2);')],
    ['atomics', test('atomic_set(a, 3); atomic_dec(a); atomic_sub(1, a); int r1 = atomic_read(a);')],
    ['atomics that return the new value', test('int r1 = atomic_inc_return(a);')],
    ['atomics that return the old value', test('atomic_add(1, a); int r1 = atomic_fetch_sub_acquire(1, a);')],
    ['atomics that test', test('atomic_inc(a); int r1 = atomic_dec_and_test(a);')],
    ['add_negative', test('int r1 = atomic_add_negative(-1, a);')],
    ['locks', test('spin_lock(s); int r1 = spin_is_locked(s); spin_unlock(s);')],
    ['trylock', test('int r1 = spin_trylock(s); if (r1) spin_unlock(s);')],
    ['RCU', test('rcu_read_lock(); int r1 = 1; rcu_read_unlock(); synchronize_rcu();')],
    ['barriers', test('smp_mb(); smp_rmb(); smp_wmb(); smp_mb__before_atomic(); barrier(); int r1 = 1;')],
    ['comments', test('/* a */ int r1 = 1; // b\n', '(* c *)\nexists (0:r1=1)', ' (* d *) ')],
    ['locations', test('int r1 = 1;', 'locations [0:r1; x;]\nexists (0:r1=1)')],
    ['conditions', test('int r1 = 1;', 'exists (~(0:r1=2) /\\ (x=0 \\/ false) /\\ 0:r1!=3 /\\ true)')],
    ['ATOMIC_INIT', test('int r1 = atomic_read(a);', undefined, ' atomic_t a = ATOMIC_INIT(1); ')],
  ]
  it.each(yes)('%s', (_what, text) => {
    expect(verdict(text)).toBe('Always')
  })
  it('a text in quotes after the name, and parameters that are void', () => {
    expect(verdict('C t\n"some\nwords"\n{}\nP0(void) { r1 = 1; }\nexists (0:r1=1)')).toBe('Always')
  })
})

describe('is refused, in one line', () => {
  const no: readonly (readonly [what: string, text: string, error: RegExp])[] = [
    ['no first line', 'x', /^t\.litmus:1:1: 'x'; expected a first line such as: C /],
    ['a loop', test('while (1) ;'), /^t\.litmus:5:1: 'while'; expected a statement of the subset/],
    ['an unknown function', test('foo(x);'), /^t\.litmus:5:1: 'foo'; expected a statement of the subset/],
    ['an unknown function in an expression', test('int r1 = foo(x);'), /^t\.litmus:5:10: 'foo'; expected a function/],
    ['SRCU', test('synchronize_srcu(s);'), /^t\.litmus:5:1: 'synchronize_srcu'; expected/],
    ['a missing semicolon', test('int r1 = 1'), /^t\.litmus:6:1: '}'; expected ';'/],
    ['READ_ONCE of an address', test('int r1 = READ_ONCE(x);'), /^t\.litmus:5:20: 'x'; expected \*location/],
    ['assignment to a parameter', test('x = 1;'), /^t\.litmus:5:1: 'x'; expected \*x/],
    ['an unknown name', test('int r1 = r7;'), /^t\.litmus:5:10: 'r7'; expected a local variable or a parameter of P0/],
    ['too few arguments', test('xchg(x);'), /^t\.litmus:5:7: '\)'; expected 2 arguments, not 1/],
    ['a comment without end', 'C t\n{}\n(* a', /^t\.litmus:3:1: this comment does not end; expected \*\)/],
    ['a strange sign', test('int r1 = 1 @ 2;'), /^t\.litmus:5:12: '@' means nothing here/],
    ['no process', 'C t\n{}\nexists (x=1)', /^t\.litmus:3:1: 'exists'; expected process P0/],
    ['processes out of order', 'C t\n{}\nP1(int *x) {}\nexists (x=1)', /^t\.litmus:3:1: 'P1'; expected process P0/],
    ['no claim', 'C t\n{}\nP0(int *x) {}\n', /^t\.litmus:4:1: the file ends; expected exists, ~exists or forall/],
    ['a register of nobody', test('', 'exists (0:r9=1)'), /^t\.litmus:7:11: 'r9'; expected a register of P0/],
    ['a process of nobody', test('', 'exists (3:r9=1)'), /^t\.litmus:7:9: '3'; expected a process from 0 to 0/],
    ['a location of nobody', test('', 'exists (q=1)'), /^t\.litmus:7:9: 'q'; expected a location/],
    ['something behind the end', test('int r1;', 'exists (0:r1=1) x'), /^t\.litmus:7:17: 'x'; expected the end/],
    ['an array', 'C t\n{ int x[2]; }', /^t\.litmus:2:8: '\['; expected '=' or ';' \(arrays/],
    ['a parameter without a type', 'C t\n{}\nP0(x) {}', /^t\.litmus:3:4: 'x'; expected a parameter such as int \*x/],
  ]
  it.each(no)('%s', (_what, text, error) => {
    let e: unknown
    try {
      parseLitmus('t.litmus', text)
    } catch (x) {
      e = x
    }
    expect(e).toBeInstanceOf(LitmusError)
    expect((e as Error).message).toMatch(error)
    expect((e as Error).message).not.toContain('\n')
  })

  const late: readonly (readonly [what: string, text: string, error: RegExp])[] = [
    ['NULL followed', test('int *q = *p; int r1 = *q;'), /^t\.litmus:5:23: P0 follows NULL as an address; guard it/],
    ['a lock read', test('int r1 = READ_ONCE(*s);'), /^t\.litmus:5:10: P0 reads or writes the lock s/],
    ['a location locked', test('spin_lock(x);'), /^t\.litmus:5:1: P0 takes x for a lock; declare it as spinlock_t/],
    [
      'a lock given up that is not held',
      test('spin_unlock(s); int r1;'),
      /^t\.litmus:5:1: P0 unlocks s, which it does not/,
    ],
    ['a register without a value', test('int r1; int r2 = r1;'), /^t\.litmus:5:18: P0 uses r1 before it has a value/],
    ['division by 0', test('int r1 = 1 / 0;'), /^t\.litmus:5:12: '\/' by 0/],
    ['arithmetic on an address', test('int r1 = *p * 2;', undefined, ' p=x; '), /^t\.litmus:5:13: '\*' on an address/],
    [
      'an RCU reader that is none',
      test('rcu_read_unlock(); int r1;'),
      /^t\.litmus:5:1: P0 ends an RCU critical section/,
    ],
  ]
  it.each(late)('while it runs: %s', (_what, text, error) => {
    const l = parseLitmus('t.litmus', text.replace('exists (0:r1=1)', 'exists (x=0)'))
    for (const model of ['sc', 'tso', 'weak'] as const) expect(() => runLitmus(l, { model })).toThrow(error)
  })
})
