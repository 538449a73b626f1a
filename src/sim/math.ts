// The only arithmetic helpers of the core. `Math` itself is banned there: some of its functions (pow, exp, sin...)
// differ between Node versions, and one digest for every machine is promised. These few are exact everywhere.

/** Largest integer <= x (|x| < 2^53). */
export const floor = Math.floor
/** x without its fraction. */
export const trunc = Math.trunc
/** Smaller of two numbers. */
export const min = (a: number, b: number): number => (a < b ? a : b)
/** Larger of two numbers. */
export const max = (a: number, b: number): number => (a > b ? a : b)
/** Low 32 bits of a product, as a signed number. */
export const imul = Math.imul
/** `x / y` rounded down, exact for integers from 0 to 2^53-1. */
export const divDown = (x: number, y: number): number => (x - (x % y)) / y
/** `x / y` rounded up, exact for integers from 0 to 2^53-1. */
export const divUp = (x: number, y: number): number => divDown(x, y) + (x % y === 0 ? 0 : 1)
/** `x` rounded up to a multiple of `y`. */
export const roundUp = (x: number, y: number): number => divUp(x, y) * y
/** `x` rounded down to a multiple of `y`. */
export const roundDown = (x: number, y: number): number => x - (x % y)

export const KiB = (n: number): number => n * 1024
export const MiB = (n: number): number => n * 1048576
export const GiB = (n: number): number => n * 1073741824
export const TiB = (n: number): number => n * 1099511627776
/** Microseconds as nanoseconds, the unit of virtual time. */
export const us = (n: number): number => n * 1000
/** Milliseconds as nanoseconds. */
export const ms = (n: number): number => n * 1_000_000
