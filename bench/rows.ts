// The table of design and README: what famsim must cost, in the order in which it is measured and printed.
import { INSTALL } from './install.ts'
import { LOG_PLAY } from './log-play.ts'
import { PROOFS } from './proof.ts'
import { READ_WRITE } from './read-write.ts'
import type { Row } from './row.ts'
import { START } from './start.ts'
import { STEPS } from './steps.ts'
import { TWO_OPEN } from './two-open.ts'

export const ROWS: readonly Row[] = [...STEPS, INSTALL, TWO_OPEN, ...PROOFS, ...READ_WRITE, ...LOG_PLAY, START]
