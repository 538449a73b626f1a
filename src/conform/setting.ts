// The kernel that measured cases are replayed on.
import type { DefectSwitches } from '../profile/index.ts'

/** A kernel profile with switches. */
export interface ReplaySetting {
  readonly kernel?: string
  readonly dax?: string
  readonly switches?: DefectSwitches
}

/**
 * With the test for device index 0 taken out, as on the machine that was measured for whatever is marked O*: there it was an
 * addition of the posted kernel's (defect B44).
 */
export const withoutIndex0Check = (s: ReplaySetting): ReplaySetting => ({
  ...s,
  switches: { ...s.switches, noDefect: [...(s.switches?.noDefect ?? []), 'B44'] },
})
