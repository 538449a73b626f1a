// Reads a litmus test in the C format of herd7, as far as the kernel's own tests use it. A file that goes beyond is
// refused with one line: file, line, column, what stands there and what was expected.
import {
  type Expr,
  type Fence,
  type Litmus,
  LitmusError,
  Location,
  type Order,
  type Place,
  type Process,
  type Prop,
  type Stmt,
  type Value,
} from './syntax.ts'

type Rmw = Extract<Expr, { op: 'rmw' }>

interface Token extends Place {
  readonly kind: 'name' | 'number' | 'sign' | 'end'
  readonly text: string
}

const SIGNS = [
  '/\\',
  '\\/',
  '==',
  '!=',
  '<=',
  '>=',
  '&&',
  '||',
  '<<',
  '>>',
  '++',
  '+=',
  ...'{}()[];,:=*&!~+-|^<>/%',
] as const

function tokens(file: string, text: string, from: number, line: number): Token[] {
  const out: Token[] = []
  let i = from
  let column = 1
  // Inside a process `(*` is the start of an argument, as in READ_ONCE(*x); elsewhere it opens a comment.
  let depth = 0
  let blocks = 0
  const step = (n: number): void => {
    for (; n > 0; n--, i++) {
      if (text[i] === '\n') {
        line++
        column = 1
      } else column++
    }
  }
  const skip = (open: string, close: string): boolean => {
    if (!text.startsWith(open, i)) return false
    const at = { line, column }
    const end = text.indexOf(close, i + open.length)
    if (end < 0) throw new LitmusError(file, at, `this comment does not end; expected ${close}`)
    step(end + close.length - i)
    return true
  }
  while (i < text.length) {
    if (/\s/.test(text[i]!)) step(1)
    else if (((depth === 0 || blocks === 0) && skip('(*', '*)')) || skip('/*', '*/')) continue
    else if (text.startsWith('//', i)) {
      const end = text.indexOf('\n', i)
      step((end < 0 ? text.length : end) - i)
    } else {
      const rest = text.slice(i, i + 80)
      const word = /^[A-Za-z_]\w*/.exec(rest)?.[0]
      const num = /^(0[xX][0-9a-fA-F]+|[0-9]+)/.exec(rest)?.[0]
      const sign = SIGNS.find(s => rest.startsWith(s))
      const t = word ?? num ?? sign
      if (t === undefined)
        throw new LitmusError(file, { line, column }, `'${text[i]}' means nothing here; expected C or a condition`)
      if (t === '{') depth++
      else if (t === '}' && --depth === 0) blocks++
      out.push({ kind: word ? 'name' : num ? 'number' : 'sign', text: t, line, column })
      step(t.length)
    }
  }
  out.push({ kind: 'end', text: 'end of file', line, column })
  return out
}

const TYPES = new Set(
  'int long short char unsigned signed void bool u8 u16 u32 u64 s8 s16 s32 s64 atomic_t atomic_long_t spinlock_t volatile const struct uintptr_t intptr_t int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t'.split(
    ' ',
  ),
)

const FENCES: Readonly<Record<string, Fence>> = {
  smp_mb: 'mb',
  smp_rmb: 'rmb',
  smp_wmb: 'wmb',
  smp_mb__before_atomic: 'before_atomic',
  smp_mb__after_atomic: 'after_atomic',
  smp_mb__after_spinlock: 'after_spinlock',
  barrier: 'barrier',
}

const ORDERS: Readonly<Record<string, Order>> = {
  '': 'full',
  _relaxed: 'relaxed',
  _acquire: 'acquire',
  _release: 'release',
}

/** Binding strength of C's binary operators. */
const BINDING: Readonly<Record<string, number>> = {
  '||': 1,
  '&&': 2,
  '|': 3,
  '^': 4,
  '&': 5,
  '==': 6,
  '!=': 6,
  '<': 7,
  '>': 7,
  '<=': 7,
  '>=': 7,
  '<<': 8,
  '>>': 8,
  '+': 9,
  '-': 9,
  '*': 10,
  '/': 10,
  '%': 10,
}

class Parser {
  private readonly file: string
  private readonly ts: readonly Token[]
  private n = 0
  private readonly locations = new Map<string, Location>()
  private readonly init = new Map<Location, Value>()
  private readonly registers: Map<string, Value>[] = []
  private readonly processes: Process[] = []
  /** Of the process being read. */
  private params: readonly string[] = []
  private locals = new Set<string>()
  private readonly known: Set<string>[] = []

  constructor(file: string, ts: readonly Token[]) {
    this.file = file
    this.ts = ts
  }

  private get t(): Token {
    return this.ts[this.n]!
  }
  private fail(expected: string, at: Token = this.t): never {
    const what = at.kind === 'end' ? 'the file ends' : `'${at.text}'`
    throw new LitmusError(this.file, at, `${what}; expected ${expected}`)
  }
  private is(text: string): boolean {
    return this.t.kind !== 'end' && this.t.text === text
  }
  private take(text: string): boolean {
    if (!this.is(text)) return false
    this.n++
    return true
  }
  private need(text: string): void {
    if (!this.take(text)) this.fail(`'${text}'`)
  }
  private word(what: string): string {
    if (this.t.kind !== 'name') this.fail(what)
    return this.ts[this.n++]!.text
  }
  private location(name: string): Location {
    let l = this.locations.get(name)
    if (l === undefined) {
      l = new Location(name)
      this.locations.set(name, l)
    }
    return l
  }
  private number(): number {
    const minus = this.take('-')
    if (this.t.kind !== 'number') this.fail('a number')
    const v = Number(this.ts[this.n++]!.text)
    return minus ? -v : v
  }

  /** Types and stars in front of a name; tells whether there were any, and whether it is a lock. */
  private type(): { any: boolean; lock: boolean; pointer: boolean } {
    let any = false
    let lock = false
    let pointer = false
    while (this.t.kind === 'name' && TYPES.has(this.t.text)) {
      any = true
      if (this.t.text === 'spinlock_t') lock = true
      if (this.take('struct')) this.word('the name of a struct')
      else this.n++
    }
    while (any && this.take('*')) pointer = true
    while (this.t.kind === 'name' && (this.t.text === 'const' || this.t.text === 'volatile')) this.n++
    return { any, lock, pointer }
  }

  /** A constant: a number, NULL, or the address of a location (`&x`, or `x`). */
  private constant(): Value {
    if (this.t.kind === 'number' || this.is('-')) return this.number()
    if (this.take('NULL')) return 0
    if (this.take('ATOMIC_INIT')) {
      this.need('(')
      const v = this.number()
      this.need(')')
      return v
    }
    if (this.take('(')) {
      const v = this.constant()
      this.need(')')
      return v
    }
    this.take('&')
    return this.location(this.word('a number, NULL or the name of a location'))
  }

  private initial(): void {
    this.need('{')
    while (!this.take('}')) {
      if (this.take(';')) continue
      const { lock } = this.type()
      if (this.t.kind === 'number') {
        const p = this.number()
        this.need(':')
        const r = this.word('the name of a register')
        this.need('=')
        while (this.registers.length <= p) this.registers.push(new Map())
        this.registers[p]!.set(r, this.constant())
      } else {
        const name = this.word("a declaration, an assignment such as x=1, or '}'")
        if (this.is('[')) this.fail("'=' or ';' (arrays are not in the subset)")
        const l = this.location(name)
        if (lock) l.lock = true
        if (this.take('=')) this.init.set(l, this.constant())
      }
      if (!this.is('}') && !this.take(';')) this.fail("';' or '}'")
    }
  }

  private process(): void {
    const p = this.processes.length
    const at = this.t
    if (this.word('a process') !== `P${p}`) this.fail(`process P${p}`, at)
    this.need('(')
    const params: string[] = []
    if (!this.take(')')) {
      do {
        if (this.take('void')) break
        const { any, lock } = this.type()
        if (!any) this.fail('a parameter such as int *x')
        const name = this.word('the name of a location')
        params.push(name)
        const l = this.location(name)
        if (lock) l.lock = true
      } while (this.take(','))
      this.need(')')
    }
    this.params = params
    while (this.registers.length <= p) this.registers.push(new Map())
    this.locals = new Set(this.registers[p]!.keys())
    this.known.push(this.locals)
    const body = this.block()
    this.processes.push({ params, body })
  }

  private block(): Stmt[] {
    const out: Stmt[] = []
    this.need('{')
    while (!this.take('}')) this.statement(out)
    return out
  }

  private statement(out: Stmt[]): void {
    const t = this.t
    if (this.take(';')) return
    if (this.is('{')) {
      out.push(...this.block())
      return
    }
    if (this.take('if')) {
      this.need('(')
      const test = this.expr()
      this.need(')')
      const yes: Stmt[] = []
      const no: Stmt[] = []
      this.statement(yes)
      if (this.take('else')) this.statement(no)
      out.push({ op: 'if', test, yes, no })
      return
    }
    if (t.kind === 'name' && ['while', 'for', 'do', 'goto', 'switch', 'return'].includes(t.text))
      this.fail('a statement of the subset (there are no loops and no jumps)')
    if (this.type().any) {
      do {
        while (this.take('*'));
        const name = this.word('the name of a local variable')
        this.locals.add(name)
        if (this.take('=')) out.push({ op: 'set', name, v: this.expr() })
      } while (this.take(','))
      this.need(';')
      return
    }
    if (this.take('*')) {
      const to = this.unary()
      this.need('=')
      out.push({ op: 'store', how: 'plain', to, v: this.expr(), name: '', at: t })
      this.need(';')
      return
    }
    if (t.kind !== 'name') this.fail("a statement or '}'")
    const next = this.ts[this.n + 1]!
    if (next.text === '=' && next.kind === 'sign') {
      this.n += 2
      if (this.params.includes(t.text) && !this.locals.has(t.text)) this.fail(`*${t.text} (${t.text} is an address)`, t)
      this.locals.add(t.text)
      out.push({ op: 'set', name: t.text, v: this.expr() })
    } else out.push(this.call(t))
    this.need(';')
  }

  private args(n: number): Expr[] {
    const out: Expr[] = []
    this.need('(')
    if (!this.is(')'))
      do {
        out.push(this.expr())
      } while (this.take(','))
    if (out.length !== n) this.fail(`${n} argument${n === 1 ? '' : 's'}, not ${out.length}`)
    this.need(')')
    return out
  }

  /** `*e` as the first argument of READ_ONCE and its like: gives e. */
  private target(): Expr {
    const at = this.t
    if (this.take('*')) return this.unary()
    this.fail('*location', at)
  }

  /** A call that stands as a statement. */
  private call(t: Token): Stmt {
    const name = t.text
    const fence = Object.hasOwn(FENCES, name) ? FENCES[name] : undefined
    if (fence !== undefined) {
      this.n++
      this.args(0)
      return { op: 'fence', kind: fence, name }
    }
    switch (name) {
      case 'WRITE_ONCE':
      case 'rcu_assign_pointer': {
        this.n++
        this.need('(')
        const to = this.target()
        this.need(',')
        const v = this.expr()
        this.need(')')
        return { op: 'store', how: name === 'WRITE_ONCE' ? 'once' : 'release', to, v, name, at: t }
      }
      case 'smp_store_release':
      case 'atomic_set_release':
      case 'atomic_set': {
        this.n++
        const [to, v] = this.args(2)
        return { op: 'store', how: name === 'atomic_set' ? 'once' : 'release', to: to!, v: v!, name, at: t }
      }
      case 'atomic_add':
      case 'atomic_sub': {
        this.n++
        const [v, to] = this.args(2)
        const by: Expr = name === 'atomic_add' ? v! : { op: 'unary', sign: '-', of: v! }
        return { op: 'add', to: to!, v: by, name, at: t }
      }
      case 'atomic_inc':
      case 'atomic_dec': {
        this.n++
        const [to] = this.args(1)
        return { op: 'add', to: to!, v: { op: 'value', v: name === 'atomic_inc' ? 1 : -1 }, name, at: t }
      }
      case 'spin_lock':
      case 'spin_unlock': {
        this.n++
        const [lock] = this.args(1)
        return { op: name === 'spin_lock' ? 'lock' : 'unlock', lock: lock!, at: t }
      }
      case 'rcu_read_lock':
      case 'rcu_read_unlock':
      case 'synchronize_rcu':
      case 'synchronize_rcu_expedited':
        this.n++
        this.args(0)
        return { op: name === 'synchronize_rcu_expedited' ? 'synchronize_rcu' : name, at: t }
    }
    const v = this.function(t)
    if (v === null)
      this.fail('a statement of the subset (an assignment, or a call of an accessor, barrier, lock or RCU)', t)
    return { op: 'eval', v }
  }

  /** A call that has a value; null when `t` is none. */
  private function(t: Token): Expr | null {
    const name = t.text
    const begin = (): void => {
      this.n++
    }
    if (name === 'READ_ONCE' || name === 'rcu_dereference') {
      begin()
      this.need('(')
      const from = this.target()
      this.need(')')
      return { op: 'load', how: 'once', from, at: t }
    }
    if (name === 'smp_load_acquire' || name === 'atomic_read_acquire' || name === 'atomic_read') {
      begin()
      const [from] = this.args(1)
      return { op: 'load', how: name === 'atomic_read' ? 'once' : 'acquire', from: from!, at: t }
    }
    if (name === 'spin_trylock' || name === 'spin_is_locked') {
      begin()
      const [lock] = this.args(1)
      return { op: name === 'spin_trylock' ? 'trylock' : 'is_locked', lock: lock!, at: t }
    }
    const m = /^(atomic_)?(cmpxchg|xchg)(_relaxed|_acquire|_release)?$/.exec(name)
    if (m) {
      begin()
      const order = ORDERS[m[3] ?? '']!
      if (m[2] === 'cmpxchg') {
        const [to, old, v] = this.args(3)
        return { op: 'cmpxchg', to: to!, old: old!, v: v!, order, name, at: t }
      }
      const [to, v] = this.args(2)
      return { op: 'rmw', make: 'set', to: to!, v: v!, order, gives: 'old', name, at: t }
    }
    const a = /^atomic_(fetch_)?(add|sub|inc|dec)(_return)?(_relaxed|_acquire|_release)?$/.exec(name)
    if (a && (a[1] !== undefined) !== (a[3] !== undefined)) {
      begin()
      return this.addition(name, t, a[2]!, ORDERS[a[4] ?? '']!, a[1] ? 'old' : 'new')
    }
    const test = /^atomic_(sub|dec|inc|add)_(and_test|negative)$/.exec(name)
    if (test && (test[1] === 'add') === (test[2] === 'negative')) {
      begin()
      return this.addition(name, t, test[1]!, 'full', test[2] === 'negative' ? 'negative' : 'zero')
    }
    return null
  }

  /** The arguments of an atomic that adds or subtracts, by one (`inc`, `dec`) or by its first argument. */
  private addition(name: string, at: Token, verb: string, order: Rmw['order'], gives: Rmw['gives']): Rmw {
    const one = verb === 'inc' || verb === 'dec'
    const less = verb === 'sub' || verb === 'dec'
    const args = this.args(one ? 1 : 2)
    const by: Expr = one ? { op: 'value', v: 1 } : args[0]!
    const v: Expr = less ? { op: 'unary', sign: '-', of: by } : by
    return { op: 'rmw', make: 'add', to: args[args.length - 1]!, v, order, gives, name, at }
  }

  private expr(low = 1): Expr {
    let l = this.unary()
    for (;;) {
      const at = this.t
      // In C text `/\` and `\/` are no operators; they only stand in conditions.
      const bind = at.kind === 'sign' && Object.hasOwn(BINDING, at.text) ? BINDING[at.text]! : 0
      if (bind < low) return l
      this.n++
      l = { op: 'binary', sign: at.text, l, r: this.expr(bind + 1), at }
    }
  }

  private unary(): Expr {
    const t = this.t
    if (this.take('!')) return { op: 'unary', sign: '!', of: this.unary() }
    if (this.take('-')) return { op: 'unary', sign: '-', of: this.unary() }
    if (this.take('~')) return { op: 'unary', sign: '~', of: this.unary() }
    if (this.take('*')) return { op: 'load', how: 'plain', from: this.unary(), at: t }
    if (this.take('&')) {
      const name = this.word('the name of a location')
      if (this.locals.has(name)) this.fail('the name of a location (a local variable has no address here)', t)
      return { op: 'value', v: this.location(name) }
    }
    if (this.take('(')) {
      // A cast says nothing here.
      if (this.type().any) {
        this.need(')')
        return this.unary()
      }
      const e = this.expr()
      this.need(')')
      return e
    }
    if (t.kind === 'number') return { op: 'value', v: this.number() }
    if (t.kind !== 'name') this.fail('an expression')
    if (this.take('NULL')) return { op: 'value', v: 0 }
    if (this.ts[this.n + 1]!.text === '(') {
      const e = this.function(t)
      if (e === null) this.fail('a function of the subset', t)
      return e
    }
    this.n++
    if (this.locals.has(t.text)) return { op: 'register', name: t.text, at: t }
    if (this.params.includes(t.text)) return { op: 'value', v: this.location(t.text) }
    this.fail(`a local variable or a parameter of P${this.processes.length}`, t)
  }

  private prop(): Prop {
    const of = [this.conjunction()]
    while (this.take('\\/')) of.push(this.conjunction())
    return of.length === 1 ? of[0]! : { op: 'or', of }
  }
  private conjunction(): Prop {
    const of = [this.atom()]
    while (this.take('/\\')) of.push(this.atom())
    return of.length === 1 ? of[0]! : { op: 'and', of }
  }
  private atom(): Prop {
    if (this.take('~') || this.take('not')) return { op: 'not', of: this.atom() }
    if (this.take('(')) {
      const p = this.prop()
      this.need(')')
      return p
    }
    if (this.take('true')) return { op: 'const', v: true }
    if (this.take('false')) return { op: 'const', v: false }
    const at = this.t
    let process = -1
    let name: string
    if (at.kind === 'number') {
      process = this.number()
      this.need(':')
      const r = this.t
      name = this.word('the name of a register')
      if (process >= this.processes.length) this.fail(`a process from 0 to ${this.processes.length - 1}`, at)
      if (!this.known[process]!.has(name)) this.fail(`a register of P${process}`, r)
    } else {
      const bracket = this.take('[')
      if (!bracket) this.take('*')
      const l = this.t
      name = this.word('a register such as 0:r1, or a location')
      if (bracket) this.need(']')
      if (!this.locations.has(name)) this.fail('a location that a process or the initial state names', l)
    }
    const op = this.take('=') || this.take('==') ? 'is' : this.take('!=') ? 'is not' : this.fail("'='")
    return { op, process, name, v: this.constant() }
  }

  parse(name: string): Litmus {
    this.initial()
    while (this.t.kind === 'name' && /^P[0-9]+$/.test(this.t.text)) this.process()
    if (this.processes.length === 0) this.fail('process P0')
    if (this.processes.length > 8) this.fail('at most 8 processes')
    const shown: string[] = []
    if (this.take('locations')) {
      this.need('[')
      while (!this.take(']')) {
        if (this.take(';')) continue
        let text = ''
        while (this.t.kind !== 'end' && !this.is(';') && !this.is(']')) text += this.ts[this.n++]!.text
        if (this.t.kind === 'end') this.fail("']'")
        shown.push(text)
      }
    }
    let filter: Prop | null = null
    if (this.take('filter')) {
      this.need('(')
      filter = this.prop()
      this.need(')')
    }
    let quantifier: Litmus['quantifier']
    if (this.take('exists')) quantifier = 'exists'
    else if (this.take('forall')) quantifier = 'forall'
    else if (this.take('~')) {
      this.need('exists')
      quantifier = '~exists'
    } else this.fail('exists, ~exists or forall')
    this.need('(')
    const claim = this.prop()
    this.need(')')
    if (this.t.kind !== 'end') this.fail('the end of the file')
    while (this.registers.length < this.processes.length) this.registers.push(new Map())
    return {
      file: this.file,
      name,
      locations: this.locations,
      init: this.init,
      registers: this.registers,
      processes: this.processes,
      shown,
      filter,
      quantifier,
      claim,
    }
  }
}

/** Parse the text of a litmus test; `file` is what errors call it. Throws LitmusError. */
export function parseLitmus(file: string, text: string): Litmus {
  const head = /^(\s*)C[ \t]+(\S+)[^\n]*(\n|$)/.exec(text)
  if (head === null) {
    const first = text.trimStart().split('\n')[0]!.trim().slice(0, 40)
    throw new LitmusError(file, { line: 1, column: 1 }, `'${first}'; expected a first line such as: C MP+wmb+rmb`)
  }
  const line = head[0].split('\n').length
  const body = head[0].length
  // A text in quotes may follow the name.
  let from = body
  let at = line
  const quoted = /^\s*"[^"]*"/.exec(text.slice(from))
  if (quoted) {
    from += quoted[0].length
    at += quoted[0].split('\n').length - 1
  }
  return new Parser(file, tokens(file, text, from, at)).parse(head[2]!)
}
