// The famsim command. Exit 0: held; 1: a property failed; 2: bad input, told in one line.
import { Command, CommanderError } from 'commander'
import { doctor } from './doctor.ts'
import { fail, UserError } from './errors.ts'
import { info } from './info.ts'
import { list } from './list.ts'
import { litmus } from './litmus.ts'
import { run } from './run.ts'

const collect = (v: string, all: string[]): string[] => [...all, v]

function program(): Command {
  const p = new Command('famsim')
    .description('A deterministic simulator of famfs, the Linux file system for shared fabric-attached memory.')
    .version('0.1.0')
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .showSuggestionAfterError(false)
  p.command('run')
    .description('run a scenario once and tell its story')
    .argument('<file>', 'scenario file, e.g. scenarios/basics/first-light.ts')
    .option('--seed <n>', 'seed of every random choice (a whole number)', '1')
    .option('--twice', 'run it twice from nothing and compare the digests')
    .option('--kernel <profile>', 'kernel of every host, e.g. v10')
    .option('--defect <number>', 'switch a known defect on (may be given again)', collect, [])
    .option('--no-defect <number>', 'switch a known defect off (may be given again)')
    .option('--backing <kind>', 'device memory: auto, hugetlb, memfd, file, file:PATH, arraybuffer', 'auto')
    .option('--json', 'print one JSON object instead of the story')
    .option('--trace <file>', 'write every event to this file, one line each')
    .option('--quiet', 'print only how it ended')
    .action(run)
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
  p.command('info')
    .description('show what a famfs image holds (.gz too)')
    .argument('<image>', 'image file: the first bytes of a device')
    .option('--json', 'print one JSON object')
    .action(info)
  p.command('doctor')
    .description('say what this machine offers and what famsim will use')
    .option('--json', 'print one JSON object')
    .action(doctor)
  return p
}

// A reader that has seen enough (`famsim run ... | head`) ends us quietly.
process.stdout.on('error', e => process.exit((e as NodeJS.ErrnoException).code === 'EPIPE' ? 0 : 70))

try {
  await program().parseAsync(process.argv)
} catch (e) {
  if (e instanceof CommanderError) {
    if (e.exitCode === 0) process.exit(0)
    const asked = process.argv[2]
    const known = ['run', 'list', 'litmus', 'info', 'doctor']
    const help = asked !== undefined && known.includes(asked) ? `famsim ${asked} --help` : 'famsim --help'
    if (e.code === 'commander.help') process.exit(2)
    fail(new UserError(`${e.message.replace(/^error: /, '')}; see: ${help}`))
  } else fail(e)
}
