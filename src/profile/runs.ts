// Runs of postings: a defect came with one and went with another.

/** Kernel profiles in the order in which they were posted. */
const KERNELS = ['std', 'rfc', 'v2', 'v3', 'v10', 'new']
/** DAX levels in the order of their making. */
const LEVELS = ['devdax-6.14', 'devdax-6.15', 'fsdev-v3', 'fsdev-v8', 'fix']

const run = (all: readonly string[], first: string, last: string): readonly string[] =>
  all.slice(all.indexOf(first), all.indexOf(last) + 1)

/** Kernels from one to another, both included. */
export const kernels = (first: string, last = first): readonly string[] => run(KERNELS, first, last)

/** DAX levels from one to another, both included. */
export const levels = (first: string, last = first): readonly string[] => run(LEVELS, first, last)

/** The same of a defect that was measured on V10: for the others it is concluded. */
export const seen_on_v10 = (first: string, last: string) => {
  const all = kernels(first, last)
  return { mark: 'measured', kernels: all, inferred: all.filter(k => k !== 'v10') } as const
}
