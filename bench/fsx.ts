// fsx at length: random reads and writes of every kind on two hosts against a plain buffer, divided among the kernels. Not a
// figure but a check that is too long for a test. What fails is told with the seed, and with a few operations that are enough.

import { KERNELS } from '../src/profile/index.ts'
import { draw } from '../test/fsx/draw.ts'
import { type FsxEnd, FsxError, playFsx } from '../test/fsx/play.ts'
import { opText, smallest } from '../test/fsx/smallest.ts'
import { OFF } from './sanitizers.ts'

export interface FsxPlayed {
  readonly kernel: string
  readonly seed: number
  readonly end: FsxEnd | null
  readonly seconds: number
  /** What failed, and a few operations that make it fail. */
  readonly failed: { readonly op: number; readonly text: string; readonly ops: readonly string[] } | null
}

/** `count` operations in all on these kernels; none named: on every one. */
export function* playAll(names: readonly string[], count: number, seed: number): Generator<FsxPlayed> {
  const kernels = names.length > 0 ? names : KERNELS.map(k => k.name)
  for (const kernel of kernels) yield play(kernel, Math.ceil(count / kernels.length), seed)
}

function play(kernel: string, count: number, seed: number): FsxPlayed {
  const started = performance.now()
  const seconds = (): number => (performance.now() - started) / 1000
  const o = { kernel, sanitizers: OFF }
  try {
    return { kernel, seed, end: playFsx(draw(seed), count, o), seconds: seconds(), failed: null }
  } catch (e) {
    if (!(e instanceof FsxError)) throw e
    const ops = smallest(draw(seed), e.op.n + 1, o).map(opText)
    return { kernel, seed, end: null, seconds: seconds(), failed: { op: e.op.n, text: e.message, ops } }
  }
}

export function fsxText({ kernel, seed, end, seconds, failed }: FsxPlayed): string[] {
  if (failed !== null)
    return [
      `${kernel}, seed ${seed}: FAILED at operation ${failed.op}: ${failed.text}`,
      ...failed.ops.map(o => `  ${o}`),
    ]
  const n = (v: number): string => v.toLocaleString('en-US')
  const { ops, bytes, accesses, faults, remounts, turns } = end!
  return [
    `${kernel}, seed ${seed}: ${n(ops)} operations, every byte as in the buffer`,
    `  ${n(accesses)} accesses and ${n(faults)} faults without a message`,
    `  ${n(bytes)} bytes compared, ${n(turns)} turns of two hosts, ${n(remounts)} remounts`,
    `  ${seconds.toFixed(1)} s`,
  ]
}
