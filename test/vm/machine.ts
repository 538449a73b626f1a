// The guest: Debian's own kernel in QEMU by software emulation, a first file system with Node and this project, and an nvdimm.
// What is missing is told in words, never guessed around.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import ts from 'typescript'
import { Cpio } from './cpio.ts'

export const root = dirname(dirname(import.meta.dirname))

/** The nvdimm: what the largest scenario asks for, its metadata (1/64) and a little. */
const NVDIMM_MIB = 4352
const RAM_MIB = 2048
const MODULES = ['nfit', 'nd_pmem', 'dax_pmem', 'device_dax']
const PLAIN: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
}
const QEMU = 'qemu-system-x86_64'

/** What has to be there, and the words to get it; null: everything is. */
export function missing(): string | null {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'needs Linux on x86-64'
  const there = (command: string): boolean => spawnSync('which', [command]).status === 0
  if (there(QEMU) && there('ndctl') && kernel() !== null) return null
  return 'needs QEMU, a kernel and ndctl: apt-get install qemu-system-x86 linux-image-amd64 ndctl'
}

/** The newest kernel of /boot that has its modules. */
function kernel(): { image: string; version: string } | null {
  const found = existsSync('/boot') ? readdirSync('/boot').filter(f => f.startsWith('vmlinuz-')) : []
  const versions = found.map(f => f.slice('vmlinuz-'.length)).filter(v => existsSync(`/lib/modules/${v}/modules.dep`))
  const version = versions.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
  return version === undefined ? null : { image: `/boot/vmlinuz-${version}`, version }
}

/** Shared libraries of a program, with the loader. */
const libraries = (program: string): string[] => {
  const out = spawnSync('ldd', [program], { encoding: 'utf8' }).stdout
  return [...out.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(m => m[1]!)
}

/** Packages that the command needs, by name: those of package.json and theirs. */
function packages(): string[] {
  const all = new Set<string>()
  const add = (name: string): void => {
    const file = join(root, 'node_modules', name, 'package.json')
    if (all.has(name) || !existsSync(file)) return
    all.add(name)
    const p = JSON.parse(readFileSync(file, 'utf8'))
    for (const more of Object.keys({ ...p.dependencies, ...p.optionalDependencies })) add(more)
  }
  for (const name of Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies)) add(name)
  return [...all]
}

/** A folder of the project, types taken away here: compiling takes minutes on an emulated processor. */
function project(fs: Cpio, dir: string): void {
  fs.tree(join(root, dir), join('/famsim', dir), path => !path.endsWith('.ts'))
  for (const file of readdirSync(join(root, dir), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue
    const { outputText } = ts.transpileModule(readFileSync(join(root, dir, file), 'utf8'), { compilerOptions: PLAIN })
    fs.file(join('/famsim', dir, file.replace(/ts$/, 'js')), Buffer.from(outputText))
  }
}

/** Write the guest's first file system. `plan`: what guest.mjs shall do. */
export function makeInitramfs(path: string, plan: object): void {
  const { version } = kernel()!
  const fs = new Cpio(path)
  for (const dir of ['/proc', '/sys', '/dev', '/tmp', '/root', '/run', '/etc']) fs.folder(dir)
  const programs = ['sh', 'mount', 'modprobe', 'ndctl', 'sleep'].map(command => {
    const which = spawnSync('which', [command], { encoding: 'utf8' }).stdout.trim()
    return { at: which, to: join('/usr/bin', command) }
  })
  for (const { at, to } of [...programs, { at: process.execPath, to: '/usr/bin/node' }]) {
    fs.copy(realpathSync(at), to)
    for (const lib of libraries(at)) fs.copy(realpathSync(lib), lib)
  }
  fs.link('/bin', 'usr/bin')
  fs.copy(join(import.meta.dirname, 'init.sh'), '/init')
  const modules = `/lib/modules/${version}`
  for (const f of readdirSync(modules)) if (f.startsWith('modules.')) fs.copy(join(modules, f))
  const dependencies = new Map(
    readFileSync(join(modules, 'modules.dep'), 'utf8')
      .trim()
      .split('\n')
      .map(line => line.split(/: ?/) as [string, string]),
  )
  for (const [file, needs] of dependencies)
    if (MODULES.some(name => file.includes(`/${name}.ko`)))
      for (const f of [file, ...needs.split(' ')]) if (f !== '') fs.copy(join(modules, f))
  fs.file('/plan.json', Buffer.from(JSON.stringify(plan)))
  for (const dir of ['src', 'scenarios', 'test/vm']) project(fs, dir)
  fs.copy(join(root, 'package.json'), '/famsim/package.json')
  // Sources of native parts, tables of symbols and builds for other machines are not needed.
  const want = (file: string): boolean => !/\.(map|md|d\.ts|cc|cpp|c|h|hh)$|\/(musl|vendor|src\/core)/.test(file)
  for (const name of packages())
    fs.tree(realpathSync(join(root, 'node_modules', name)), join('/famsim/node_modules', name), want)
  fs.close()
}

/** Boot it. Each line of the console goes to `line`; gives when the machine is off. Ended after `seconds`. */
export function boot(initramfs: string, seconds: number, line: (text: string) => void): Promise<'off' | 'too long'> {
  const { image } = kernel()!
  const args = [
    ['-machine', 'q35,nvdimm=on', '-accel', 'tcg,thread=multi', '-cpu', 'max', '-smp', '2'],
    ['-m', `${RAM_MIB}M,slots=2,maxmem=${2 * (RAM_MIB + NVDIMM_MIB)}M`],
    ['-object', `memory-backend-ram,id=memory,size=${NVDIMM_MIB}M`, '-device', 'nvdimm,memdev=memory'],
    ['-kernel', image, '-initrd', initramfs, '-append', 'console=ttyS0 quiet panic=-1'],
    ['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-nic', 'none', '-no-reboot'],
  ].flat()
  return new Promise((done, failed) => {
    const qemu = spawn(QEMU, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let late = false
    const limit = setTimeout(() => {
      late = true
      qemu.kill('SIGKILL')
    }, seconds * 1000)
    let rest = ''
    qemu.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split(/\r*\n/)
      rest = lines.pop()!
      for (const l of lines) line(l)
    })
    qemu.on('error', failed)
    qemu.on('close', () => {
      clearTimeout(limit)
      done(late ? 'too long' : 'off')
    })
  })
}
