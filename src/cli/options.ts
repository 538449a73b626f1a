// Options that more than one command takes: their words in one place, and their values.
import type { Command } from 'commander'
import { Lender } from '../devdax/index.ts'
import type { Setting } from '../explore/index.ts'
import { DEFAULT_KERNEL, DEFAULT_SERVER, KERNELS, kernelProfile, serverProfile } from '../profile/index.ts'
import { hanging } from '../report/index.ts'
import { MODELS, type ModelName, type Policy } from '../sim/index.ts'
import { COHERENCES, type FabricSetting } from '../world/index.ts'
import { UserError } from './errors.ts'

/** A whole number from `low`, or one line on what was expected. */
export function whole(option: string, s: string, low: number): number {
  const n = Number(s)
  if (!/^\d+$/.test(s) || !Number.isSafeInteger(n) || n < low)
    throw new UserError(`${option} '${s}': expected a whole number from ${low}`)
  return n
}

function parseSeed(s: string): number {
  const n = Number(s)
  if (!/^\d+$/.test(s) || !Number.isSafeInteger(n))
    throw new UserError(`--seed '${s}': expected a whole number from 0 to ${Number.MAX_SAFE_INTEGER}`)
  return n
}

export function parseModel(s: string): ModelName {
  const m = MODELS.find(x => x === s)
  if (m === undefined) throw new UserError(`--model '${s}': expected one of ${MODELS.join(', ')}`)
  return m
}

/** What --with does. */
export const WITH = 'replace functions of the model by those of this file'

/** What device memory lies on, as options of a command. */
export const backingOptions = (c: Command): Command =>
  c
    .option(
      '--backing <kind>',
      'device memory: auto, hugetlb, memfd, file, file:PATH, dax:/dev/daxX.Y, arraybuffer',
      'auto',
    )
    .option('--allow-real-device', 'a real device may be written (--backing auto: take the first idle one)')
    .option('--overwrite', 'a file or device that holds something may lose it')
    .option('--force', 'take a real device that is in use or in another mode')

/** Values of those options. */
export interface BackingOptions {
  readonly backing: string
  readonly allowRealDevice?: boolean
  readonly overwrite?: boolean
  readonly force?: boolean
}

/** The same, checked: one for all worlds of a command. */
export const lenderOf = (o: BackingOptions): Lender => new Lender(o.backing, o)

/** Which files and real devices were used, for the end of an output. */
export const lenderLines = (l: Lender): string[] => l.notes().flatMap(note => hanging(note, 76, '  '))

/** Which kernel, as options of a command that has one and no world around it. */
export const kernelOptions = (c: Command): Command =>
  c
    .option('--kernel <profile>', `which kernel: ${KERNELS.map(k => k.name).join(', ')}`, DEFAULT_KERNEL)
    .option('--dax <level>', 'DAX level it sits on, e.g. fsdev-v8 (see docs/03)')
    .option('--defect <number>', 'switch a known defect on (may be given again)')
    .option('--no-defect <number>', 'switch a known defect off (may be given again)')

/** What a run depends on besides the scenario and the choices, as options of a command. */
export const settingOptions = (c: Command): Command =>
  backingOptions(c)
    .option('--seed <n>', 'seed of every random choice (a whole number)', '1')
    .option('--kernel <profile>', 'kernel of every host, e.g. v10')
    .option('--dax <level>', 'DAX level of every host, e.g. fsdev-v8 (see docs/03)')
    .option('--server <profile>', 'famfs user space of every host: famfs-48 or fixed (see docs/03)')
    .option('--defect <number>', 'switch a known defect on (may be given again)')
    .option('--no-defect <number>', 'switch a known defect off (may be given again)')
    .option('--model <name>', 'memory ordering of kernel cells: sc, tso or weak', 'sc')
    .option('--races', "report data races by KCSAN's rules (V10 has some)")
    .option('--caches <on|off>', 'CPU caches of hosts; off: every access reaches the memory')
    .option('--coherence <kind>', 'of every device: none or back-invalidate, whatever the scenario says')
    .option('--evictions <n>', 'of every device: lines that may be evicted by chance in one execution')
    .option('--with <file>', WITH)

/** Values of those options. */
export interface SettingOptions extends BackingOptions {
  readonly seed: string
  readonly kernel?: string
  readonly dax?: string
  readonly server?: string
  readonly model: string
  readonly races?: boolean
  readonly caches?: string
  readonly coherence?: string
  readonly evictions?: string
  readonly with?: string
}

/** What the command line says of the fabric; undefined: nothing. */
function fabricOf(o: SettingOptions): FabricSetting | undefined {
  const { caches, coherence, evictions } = o
  if (caches === undefined && coherence === undefined && evictions === undefined) return undefined
  if (caches !== undefined && caches !== 'on' && caches !== 'off')
    throw new UserError(`--caches '${caches}': expected on or off`)
  const kind = COHERENCES.find(c => c === coherence)
  if (coherence !== undefined && kind === undefined)
    throw new UserError(`--coherence '${coherence}': expected one of ${COHERENCES.join(', ')}`)
  const n = evictions === undefined ? undefined : whole('--evictions', evictions, 0)
  if (n !== undefined && n > 0 && caches === 'off')
    throw new UserError('--evictions: nothing is evicted with --caches off; leave one of them out')
  return {
    ...(caches === undefined ? {} : { caches: caches === 'on' }),
    ...(kind === undefined ? {} : { coherence: kind }),
    ...(n === undefined ? {} : { evictions: n }),
  }
}

/** The same, checked. */
export function settingOf(
  o: SettingOptions,
  policy: Policy,
): Setting & { readonly model: ModelName; readonly backing: Lender } {
  const switches = defectSwitches()
  kernelProfile(o.kernel ?? DEFAULT_KERNEL, switches, o.dax)
  serverProfile(o.server ?? DEFAULT_SERVER, switches)
  const model = parseModel(o.model)
  const fabric = fabricOf(o)
  return {
    seed: parseSeed(o.seed),
    kernel: o.kernel ?? null,
    dax: o.dax ?? null,
    server: o.server ?? null,
    switches,
    policy,
    model,
    races: o.races === true,
    backing: lenderOf(o),
    ...(fabric === undefined ? {} : { fabric }),
  }
}

/** Values of those options. */
export interface KernelOptions {
  readonly kernel: string
  readonly dax?: string
}

/** --defect N and --no-defect N, in any number, from the words of the command line. */
export function defectSwitches(): { defect: string[]; noDefect: string[] } {
  const { argv } = process
  const of = (flag: string) =>
    argv.flatMap((w, i) =>
      w === flag ? [argv[i + 1] ?? ''] : w.startsWith(`${flag}=`) ? [w.slice(flag.length + 1)] : [],
    )
  return { defect: of('--defect'), noDefect: of('--no-defect') }
}

/** What of the fabric was said, as words: `caches off`. */
const fabricWords = ({ caches, coherence, evictions }: FabricSetting = {}): string[] => [
  ...(caches === undefined ? [] : [`caches ${caches ? 'on' : 'off'}`]),
  ...(coherence === undefined ? [] : [`coherence ${coherence}`]),
  ...(evictions === undefined ? [] : [`evictions ${evictions}`]),
]

/** Memory ordering and fabric, said only where they are not the ordinary ones. */
export const orderText = (s: Setting): string =>
  [...(s.model === undefined || s.model === 'sc' ? [] : [`order ${s.model}`]), ...fabricWords(s.fabric)]
    .map(w => `, ${w}`)
    .join('')

/** A setting as words of a command line. */
export const settingText = (s: Setting): string =>
  [
    `--seed ${s.seed}`,
    ...(s.kernel === null ? [] : [`--kernel ${s.kernel}`]),
    ...(s.dax == null ? [] : [`--dax ${s.dax}`]),
    ...(s.server == null ? [] : [`--server ${s.server}`]),
    ...(s.switches.defect ?? []).map(d => `--defect ${d}`),
    ...(s.switches.noDefect ?? []).map(d => `--no-defect ${d}`),
    ...(s.model === undefined || s.model === 'sc' ? [] : [`--model ${s.model}`]),
    ...(s.races === true ? ['--races'] : []),
    ...fabricWords(s.fabric).map(w => `--${w}`),
  ].join(' ')
