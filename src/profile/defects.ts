// The catalogue of known defects: number, one-line story, where it is known from, and who carries it. Kernel code asks
// `profile.has('B44')`; it never asks for a version. `--defect` and `--no-defect` change the set.
import { LATENT_DEFECTS } from './latent-defects.ts'
import { NO_SWITCH } from './no-switch.ts'
import { POSTED_DEFECTS } from './posted-defects.ts'
import { SERVER_DEFECTS } from './server-defects.ts'
import { STANDALONE_DEFECTS } from './standalone-defects.ts'

/** How a behaviour is known: measured on a real kernel, read in source, stated on the list, or inferred. */
export type Mark = 'measured' | 'source' | 'list' | 'inferred'

export interface Defect {
  readonly id: string
  readonly story: string
  readonly mark: Mark
  /** Kernel profiles that carry it. */
  readonly kernels: readonly string[]
  /** DAX levels that carry it. */
  readonly dax?: readonly string[]
  /** Server profiles that carry it. */
  readonly servers?: readonly string[]
  /** Those of them for which that is only concluded: their text was not readable there, or nobody saw it at work. */
  readonly inferred?: readonly string[]
  /** The scenario or test that shows it best: a path in the repository. */
  readonly shown?: string
  /** Why it is here and cannot be switched. */
  readonly none?: string
}

/** Those that can be switched. */
export const DEFECTS: readonly Defect[] = [
  ...POSTED_DEFECTS,
  ...LATENT_DEFECTS,
  ...STANDALONE_DEFECTS,
  ...SERVER_DEFECTS,
]

/** All there are. */
export const CATALOGUE: readonly Defect[] = [...DEFECTS, ...NO_SWITCH]
