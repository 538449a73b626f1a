// --defect and --no-defect: the defects of a profile, as this run wants them.
import { UsageError } from '../sim/index.ts'
import { CATALOGUE } from './defects.ts'

/** Switches of a run: defects to add or take away by number. */
export interface DefectSwitches {
  readonly defect?: readonly string[]
  readonly noDefect?: readonly string[]
}

/** Switch the defects of a set. Throws UsageError for a number that nobody knows, or that has no switch. */
export function switchDefects(on: Set<string>, s: DefectSwitches): void {
  const known = (id: string): string => {
    const d = CATALOGUE.find(c => c.id === id)
    if (d?.none !== undefined) throw new UsageError(`defect ${id} cannot be switched: ${d.none}`)
    if (d !== undefined) return id
    throw new UsageError(`unknown defect '${id}': expected a number of docs/03-profile.md, e.g. B44 or Q5`)
  }
  for (const id of s.defect ?? []) on.add(known(id))
  for (const id of s.noDefect ?? []) on.delete(known(id))
}
