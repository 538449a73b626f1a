// The famsim command. Exit 0: held; 1: a property failed; 2: bad input, told in one line.
import { Command, CommanderError } from 'commander'
import { conform } from './conform.ts'
import { daxctl } from './daxctl.ts'
import { defects } from './defects.ts'
import { doctor } from './doctor.ts'
import { fail, UserError } from './errors.ts'
import { explore } from './explore.ts'
import { facts } from './facts.ts'
import { fmapCheck, fmapResolve } from './fmap.ts'
import { fsck } from './fsck.ts'
import { info } from './info.ts'
import { list } from './list.ts'
import { litmus } from './litmus.ts'
import { mkfs } from './mkfs.ts'
import { mutate } from './mutate.ts'
import { backingOptions, kernelOptions, settingOptions, WITH } from './options.ts'
import { replay } from './replay.ts'
import { run } from './run.ts'
import { shell } from './shell.ts'
import { shrink } from './shrink.ts'
import { slice } from './slice.ts'

function famsim(): Command {
  const p = new Command('famsim')
    .description('A deterministic simulator of famfs, the Linux file system for shared fabric-attached memory.')
    .version('0.1.0')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showSuggestionAfterError(false)
    .enablePositionalOptions()
  settingOptions(p.command('run'))
    .description('run a scenario once and tell its story')
    .argument('<file>', 'scenario file, e.g. scenarios/basics/first-light.ts')
    .option('--twice', 'run it twice from nothing and compare the digests')
    .option('--json', 'print one JSON object instead of the story')
    .option('--trace <file>', 'write every event to this file, one line each')
    .option('--quiet', 'print only how it ended')
    .action(run)
  settingOptions(p.command('explore'))
    .description('search for an execution that fails, and write it down as a file')
    .argument('<file>', 'scenario file; with --inevitable a run file')
    .option('--strategy <name>', 'portfolio, urw, random, pos, pct2, pct3 or exhaustive', 'portfolio')
    .option('--runs <n>', 'most executions (default: 1000; exhaustive: no bound)')
    .option('--preemptions <n>', 'exhaustive: at most so many preemptions in an execution')
    .option('--focus <functions>', 'exhaustive: preempt only in these functions (names with commas)')
    .option('--workers <n>', 'divide the search, and give the parts to so many threads')
    .option('--checkpoint <file>', 'exhaustive: write down now and then, and at Ctrl-C, how far it is')
    .option('--resume <file>', 'exhaustive: go on from such a file')
    .option('--inevitable', 'FILE is a run file: from which decision on could its failure not be avoided?')
    .option('--outcomes', 'do not stop at a failure: list all that executions came to')
    .option('--out <file>', 'the run file of a failure (default: NAME.run.json here)')
    .option('--json', 'print one JSON object')
    .action(explore)
  backingOptions(p.command('replay'))
    .description('make the failure of a run file again')
    .argument('<runfile>', 'file written by famsim explore or shrink')
    .option('--with <file>', WITH)
    .option('--on <strategy>', 'from the first difference on let a strategy decide, e.g. urw or urw:7 (its seed)')
    .option('--out <file>', 'with --on: write the run it came to, if it fails, as a run file')
    .option('--json', 'print one JSON object')
    .action(replay)
  backingOptions(p.command('shrink'))
    .description('find the same failure with as few parts and choices as possible')
    .argument('<runfile>', 'file written by famsim explore')
    .option('--out <file>', 'the smaller run file (default: NAME.min.run.json beside it)')
    .option('--with <file>', WITH)
    .option('--json', 'print one JSON object')
    .action(shrink)
  backingOptions(p.command('slice'))
    .description('keep only what led to the failure of a run file')
    .argument('<runfile>', 'file written by famsim explore or shrink')
    .option('--with <file>', WITH)
    .option('--json', 'print one JSON object')
    .action(slice)
  settingOptions(p.command('mutate'))
    .description('weaken one lock, barrier, exchange or check at a time and say which are load-bearing')
    .argument('<files...>', 'scenario files')
    .option('--runs <n>', 'most executions for each (default: 300, fewer if they are long)')
    .option('--json', 'print one JSON object a scenario')
    .action(mutate)
  p.command('list')
    .description('list the scenarios that come with famsim')
    .option('--json', 'print a JSON array')
    .action(list)
  p.command('litmus')
    .description('say whether the outcome a litmus test asks for can happen')
    .argument('<files...>', 'tests in the C litmus format, e.g. test/litmus/MP+wmb+rmb.litmus')
    .option('--model <name>', 'memory ordering: weak (the kernel model), tso or sc', 'weak')
    .option('--limit <n>', 'give up beyond so many executions', '1000000')
    .option('--json', 'print one JSON object a test')
    .action(litmus)
  kernelOptions(p.command('conform'))
    .description('replay recorded traces of a real kernel on the model and say what differs')
    .argument('<traces...>', 'files of the formats of docs/14, .jsonl or .jsonl.gz')
    .option('--most <n>', 'show at most so many differences of each', '5')
    .option('--json', 'print one JSON object a trace')
    .action(conform)
  const fmap = p
    .command('fmap')
    .description("what a kernel's parser and its resolver make of a map in hex")
    .allowExcessArguments()
    .action((_o, c: Command) => {
      const [word] = c.args
      const what = word === undefined ? 'missing command' : `unknown command '${word}'`
      fmap.error(`error: ${what}: expected check or resolve`)
    })
  kernelOptions(fmap.command('check'))
    .description('the verdict on each map of standard input, one in hex a line, and what for')
    .option('--json', 'print one JSON object a line')
    .action(fmapCheck)
  kernelOptions(fmap.command('resolve'))
    .description('where a range of a file with this map lies: what iomap_begin returns')
    .requiredOption('--hex <digits>', 'body of a GET_FMAP reply')
    .requiredOption('--offset <bytes>', 'in the file; decimal or 0x...')
    .requiredOption('--length <bytes>', 'how much is wanted')
    .option('--write', 'ask as a write does')
    .option('--json', 'print one JSON object')
    .action(fmapResolve)
  p.command('defects')
    .description('list the known defects, or tell all that is known of one')
    .argument('[number]', 'e.g. B44')
    .option('--json', 'print the catalogue as a JSON array; of one defect an object')
    .action(defects)
  p.command('facts')
    .description('list what is known of real kernels and modelled, how it is known, and the test that pins it')
    .option('--kernel <profile>', 'for which kernel; only v10 was measured', 'v10')
    .option('--json', 'print one JSON array')
    .action(facts)
  p.command('mkfs')
    .description('make a famfs file system in a file, or one over several, as mkfs.famfs does')
    .argument('<images...>', 'files of the size of a device, or of none yet with --size')
    .option('-f, --force', 'write over what is there')
    .option('-k, --kill', 'with --force: only make the superblock unusable')
    .option('-l, --loglen <bytes>', 'of the log: a power of two from 8m, k, m or g may follow (default: 8m)')
    .option('--size <bytes>', 'make the files, holes of this size, e.g. 4g')
    .option('--owner <uuid>', 'system uuid of the host that owns it (default: that of this machine, or a new one)')
    .option('--json', 'print one JSON object, as fsck does')
    .action(mkfs)
  p.command('info')
    .description('show what a famfs image holds and what is wrong with it (.gz too)')
    .argument('<image>', 'file (the first bytes of a device), file:PATH, or dax:/dev/daxX.Y')
    .option('--json', 'print one JSON object')
    .action(info)
  p.command('fsck')
    .description('check a famfs image or device, in the words of famfs fsck; writes nothing')
    .argument('<image>', 'as for info')
    .option('-v, --verbose', 'also how the log is laid out')
    .option('-h, --human', 'sizes in GiB')
    .option('-B, --nbuckets <n>', 'also what is free in each of n stripe buckets')
    .option('--json', 'print one JSON object')
    .helpOption('--help', 'display help for command')
    .action(fsck)
  p.command('daxctl')
    .description("change device modes of a simulated host with daxctl's own commands; `sysfs` prints its /sys")
    .argument('[words...]', 'list, reconfigure-device, ... and what daxctl takes; --then starts the next command')
    .option('--scenario <file>', 'the devices of this scenario, after its set-up (default: two hosts, one device)')
    .option('--host <name>', 'on this host (default: the first)')
    .option('--kernel <profile>', 'kernel of every host, e.g. v10')
    .option('--dax <level>', 'DAX level of every host, e.g. fsdev-v8 (see docs/03)')
    .option('--json', 'print a JSON array with one object a command')
    .passThroughOptions()
    .action(daxctl)
  p.command('shell')
    .description('type commands on simulated hosts that share a device; or run them from a script')
    .argument(
      '[script]',
      'lines such as `h0# famfs creat -s 4096 /mnt/famfs/a` (default: the terminal, or standard input)',
    )
    .option('--device <image>', 'an image file as the device; what is written is kept (.gz: nothing is)')
    .option('--size <bytes>', 'of the device, e.g. 4G (default: as the image says, else 4G)')
    .option('--hosts <n>', 'how many hosts, h0 and so on', '1')
    .option('-e', 'end at the first command that fails')
    .option('--seed <n>', 'seed of every random choice (a whole number)', '1')
    .option('--kernel <profile>', 'kernel of every host, e.g. v10')
    .option('--dax <level>', 'DAX level of every host, e.g. fsdev-v8 (see docs/03)')
    .option('--server <profile>', 'famfs user space of every host: famfs-48 or fixed (see docs/03)')
    .option('--defect <number>', 'switch a known defect on (may be given again)')
    .option('--no-defect <number>', 'switch a known defect off (may be given again)')
    .option('--caches <on|off>', 'CPU caches of hosts; off: every access reaches the memory')
    .option('--trace <file>', 'write every event to this file, one line each')
    .option('--json', 'print one JSON object a command')
    .action(shell)
  p.command('doctor')
    .description('say what this machine offers and what famsim will use')
    .option('--json', 'print one JSON object')
    .action(doctor)
  return p
}

/** The words of the command that was asked for, as far as there is one: famsim, or famsim fmap check. */
function commandAsked(p: Command): string[] {
  const words = [p.name()]
  for (const w of process.argv.slice(2)) {
    const next = p.commands.find(c => c.name() === w)
    if (next === undefined) break
    words.push(w)
    p = next
  }
  return words
}

// A reader that has seen enough (`famsim run ... | head`) ends us quietly.
process.stdout.on('error', e => process.exit((e as NodeJS.ErrnoException).code === 'EPIPE' ? 0 : 70))

const program = famsim()
try {
  await program.parseAsync(process.argv)
} catch (e) {
  if (e instanceof CommanderError) {
    if (e.exitCode === 0) process.exit(0)
    const help = `${commandAsked(program).join(' ')} --help`
    if (e.code === 'commander.help') process.exit(2)
    fail(new UserError(`${e.message.replace(/^error: /, '')}; see: ${help}`))
  } else fail(e)
}
