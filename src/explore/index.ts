// The search: strategies behind the Chooser, searches with them, and failures as files.
export { parseCheckpoint, printCheckpoint, type Searched } from './checkpoint.ts'
export { countChoices, decodeChoices, encodeChoices, type PackedChoices } from './choices.ts'

export { divide, gather, PartSearcher, type Plan } from './divide.ts'
export { type Estimate, estimate } from './estimate.ts'
export { collisionOdds, Exhaustive, type ExhaustiveOptions, type Node, type SearchStats } from './exhaustive.ts'
export { type Alternative, type Inevitable, inevitable, type Rung } from './inevitable.ts'
export * from './litmus/index.ts'
export { type Finding, type Site, type SiteKind, type Subject, sites, tryWithout } from './mutate.ts'
export { type Outcomes, OutcomeTally, outcomes, type Tally } from './outcomes.ts'
export { confirm, type Difference, firstDifference, keeper, type Recorded } from './record.ts'
export { type Replay, replay } from './replay.ts'
export {
  makeRunFile,
  parseRunFile,
  printRunFile,
  RUN_VERSION,
  type RunFile,
  type RunFileHead,
  type RunWith,
  scenarioName,
  scenarioPlaces,
} from './runfile.ts'
export {
  type Failure,
  type Job,
  type JobResult,
  Search,
  type SearchOptions,
  type SearchResult,
  type SearchState,
  search,
} from './search.ts'
export { MAX_STEPS, makeWorld, type NamedProblem, type Setting, sameProblem, worldOptions } from './setting.ts'
export { type ShrinkOptions, type ShrinkResult, type Size, shrink } from './shrink.ts'
export { type Slice, type SlicedTask, slice } from './slice.ts'
export { type Ask, GuidedChooser } from './strategies/guided.ts'
export { ListChooser } from './strategies/list.ts'
export { PctChooser } from './strategies/pct.ts'
export { PortfolioChooser } from './strategies/portfolio.ts'
export { PosChooser } from './strategies/pos.ts'
export { RandomChooser } from './strategies/random.ts'
export { type Divergence, ReplayChooser } from './strategies/replay.ts'
export { STRATEGIES, type Strategy, type StrategyRow, strategyRow } from './strategies/table.ts'
export { UrwChooser } from './strategies/urw.ts'
export { type Deviation, Follow, followDeviations, Tape } from './tape.ts'
