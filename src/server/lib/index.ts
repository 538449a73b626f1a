// lib: what the programs of famfs user space share, as plain functions: no system call, no state of a world.

export { type Got, getopt, type LongOption, type OptionTable } from './getopt.ts'
export { RandomBytes, random_fill } from './random.ts'
export { get_multiplier, parse_size, strtoull } from './size.ts'
export { tokenize_string } from './tokenize.ts'
