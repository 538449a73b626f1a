// lib: what the programs of famfs user space share, as plain functions: no system call, no state of a world.

export { parse_alloc_cfg } from './alloc-cfg.ts'
export { type FsckTextOptions, fsck_text } from './fsck-text.ts'
export { type Got, getopt, type LongOption, type OptionTable } from './getopt.ts'
export { RandomBytes } from './random.ts'
export { emit_file_yaml, type FileMeta, type FmapLimits, parse_file_yaml, YAML_MAX } from './shadow-yaml.ts'
export { parse_size, strtoull } from './size.ts'
export { tokenize_string } from './tokenize.ts'
