// What a litmus test is made of once parsed. Every node that can go wrong later knows its place in the file.

/** 1-based. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** A mistake in a litmus file: one line, with file, line and column, saying what was expected. */
export class LitmusError extends Error {
  override name = 'LitmusError'
  constructor(file: string, at: Place, text: string) {
    super(`${file}:${at.line}:${at.column}: ${text}`)
  }
}

/** A shared location, by name. As a value it is the location's address. */
export class Location {
  readonly name: string
  lock = false
  constructor(name: string) {
    this.name = name
  }
  toString(): string {
    return this.name
  }
}

/** What registers and locations hold: a number, or an address. */
export type Value = number | Location

export type Order = 'relaxed' | 'acquire' | 'release' | 'full'

export type Expr =
  | { readonly op: 'value'; readonly v: Value }
  | { readonly op: 'register'; readonly name: string; readonly at: Place }
  | { readonly op: 'unary'; readonly sign: '!' | '-' | '~'; readonly of: Expr }
  | { readonly op: 'binary'; readonly sign: string; readonly l: Expr; readonly r: Expr; readonly at: Place }
  | { readonly op: 'load'; readonly how: 'plain' | 'once' | 'acquire'; readonly from: Expr; readonly at: Place }
  | {
      readonly op: 'cmpxchg'
      readonly to: Expr
      readonly old: Expr
      readonly v: Expr
      readonly order: Order
      readonly name: string
      readonly at: Place
    }
  | {
      readonly op: 'rmw'
      /** New value from the old one: the operand, or their sum. */
      readonly make: 'set' | 'add'
      readonly to: Expr
      readonly v: Expr
      readonly order: Order
      /** What the expression gives: the old value, the new one, whether the new one is 0, whether it is negative. */
      readonly gives: 'old' | 'new' | 'zero' | 'negative'
      readonly name: string
      readonly at: Place
    }
  | { readonly op: 'trylock' | 'is_locked'; readonly lock: Expr; readonly at: Place }

export type Fence = 'mb' | 'rmb' | 'wmb' | 'before_atomic' | 'after_atomic' | 'after_spinlock' | 'barrier'

export type Stmt =
  | { readonly op: 'set'; readonly name: string; readonly v: Expr }
  | {
      readonly op: 'store'
      readonly how: 'plain' | 'once' | 'release'
      readonly to: Expr
      readonly v: Expr
      readonly name: string
      readonly at: Place
    }
  /** An atomic that gives nothing back: smp_rmb() does not order its read. */
  | { readonly op: 'add'; readonly to: Expr; readonly v: Expr; readonly name: string; readonly at: Place }
  | { readonly op: 'eval'; readonly v: Expr }
  | { readonly op: 'fence'; readonly kind: Fence; readonly name: string }
  | { readonly op: 'lock' | 'unlock'; readonly lock: Expr; readonly at: Place }
  | { readonly op: 'rcu_read_lock' | 'rcu_read_unlock' | 'synchronize_rcu'; readonly at: Place }
  | { readonly op: 'if'; readonly test: Expr; readonly yes: readonly Stmt[]; readonly no: readonly Stmt[] }

/** What `exists`, `forall` and `filter` say of an end state. */
export type Prop =
  | { readonly op: 'and' | 'or'; readonly of: readonly Prop[] }
  | { readonly op: 'not'; readonly of: Prop }
  | { readonly op: 'const'; readonly v: boolean }
  | {
      readonly op: 'is' | 'is not'
      /** Process whose register it is, or -1 for a location. */
      readonly process: number
      readonly name: string
      readonly v: Value
    }

export interface Process {
  readonly params: readonly string[]
  readonly body: readonly Stmt[]
}

export interface Litmus {
  readonly file: string
  readonly name: string
  readonly locations: ReadonlyMap<string, Location>
  readonly init: ReadonlyMap<Location, Value>
  /** Registers that start with a value, by process. */
  readonly registers: readonly ReadonlyMap<string, Value>[]
  readonly processes: readonly Process[]
  readonly shown: readonly string[]
  readonly filter: Prop | null
  readonly quantifier: 'exists' | '~exists' | 'forall'
  readonly claim: Prop
}
