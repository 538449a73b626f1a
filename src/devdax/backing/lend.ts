/**
 * Where the worlds of one command get their device memory: `--backing` and what was said with it, read once. A storage lends
 * its first bytes, zeroed; how large it is and what lay there shows in no trace.
 * A file or real device serves one world at a time; a second world of the same command lies on memory of this process.
 */
import { BACKING_KINDS, type Backing, BackingError, bytesText, reasonOf } from './backing.ts'
import { chooseBacking, type PlainKind } from './choose.ts'
import { openDax } from './dax.ts'
import { type DaxPlaces, daxNodes, MACHINE } from './dax-device.ts'
import { openFile } from './file.ts'

export interface LendOptions {
  /** A real device may be written; `auto` then takes the first idle one. */
  readonly allowRealDevice?: boolean
  /** A storage that holds something may lose it. */
  readonly overwrite?: boolean
  /** A real device may be in use or in another mode. */
  readonly force?: boolean
  readonly places?: DaxPlaces
}

const EXPECTED = `auto, ${BACKING_KINDS.join(', ')}, file:PATH or dax:/dev/daxX.Y`

export class Lender {
  private readonly options: LendOptions
  /** The kind, unless paths are named. */
  private readonly kind: 'auto' | PlainKind
  /** The file of the first device of a world; the others' lie beside it. */
  private readonly file: string | null = null
  /** Real devices, in the order in which a world's devices get them; null: none are named. */
  private readonly nodes: readonly string[] | null = null
  /** Which storage a device has, by its name: the same in every world. null: memory of this process. */
  private readonly storage = new Map<string, string | null>()
  /** What lies there is of this command; nobody is asked a second time. */
  private readonly ours = new Set<string>()
  /** Storages that a world has now. */
  private readonly lent = new Set<string>()
  private readonly told = new Map<string, string>()

  /** @param want as after `--backing`. Throws BackingError when it is nothing that is known. */
  constructor(want = 'auto', options: LendOptions = {}) {
    this.options = options
    const kind = ['auto' as const, ...BACKING_KINDS].find(known => known === want)
    this.kind = kind ?? 'auto'
    if (kind !== undefined) return
    const [, scheme, rest] = /^(file|dax):(.+)$/.exec(want) ?? []
    if (scheme === 'file') this.file = rest!
    else if (scheme === 'dax') this.nodes = rest!.split(',')
    else throw new BackingError(`backing '${want}': expected ${EXPECTED}`)
  }

  /** Do worlds get a storage that others could want at the same time? */
  get named(): boolean {
    return this.file !== null || this.nodes !== null || (this.kind === 'auto' && this.options.allowRealDevice === true)
  }

  /** A line for each device that lies on a file or a real device. */
  notes(): string[] {
    return [...this.told].map(([device, text]) => `${device} lies on ${text}`)
  }

  /** Bytes for the device of that name. Throws BackingError. */
  open(device: string, size: number): Backing {
    if (!this.named) return chooseBacking({ size, want: this.kind })
    let path = this.storage.get(device)
    if (path === undefined) {
      if (this.file === null && this.nodes === null) return this.firstIdle(device, size)
      path = this.assign(device)
    }
    return path === null || this.lent.has(path) ? chooseBacking({ size }) : this.openAt(path, device, size)
  }

  /** The next storage of those that were named. */
  private assign(device: string): string {
    const n = this.storage.size
    const path = this.file === null ? this.nodes![n] : n === 0 ? this.file : `${this.file}.${device}`
    if (path === undefined)
      throw new BackingError(
        `backing dax: the scenario's device number ${n + 1}, ${device}, has none; name one for each: dax:${[...this.nodes!, '/dev/daxX.Y'].join(',')}`,
      )
    this.storage.set(device, path)
    return path
  }

  private firstIdle(device: string, size: number): Backing {
    const taken = [...this.storage.values()]
    const refused: string[] = []
    for (const path of daxNodes(this.options.places ?? MACHINE)) {
      if (taken.includes(path)) continue
      try {
        const backing = this.openAt(path, device, size)
        this.storage.set(device, path)
        return backing
      } catch (error) {
        refused.push(reasonOf(error))
      }
    }
    this.storage.set(device, null)
    return chooseBacking({ size, refused })
  }

  private openAt(path: string, device: string, size: number): Backing {
    const { allowRealDevice, force, places } = this.options
    const overwrite = this.options.overwrite || this.ours.has(path)
    const onClose = (): void => {
      this.lent.delete(path)
    }
    const backing =
      this.file === null
        ? openDax(size, path, { allowRealDevice, overwrite, force: force && this.nodes !== null, places, onClose })
        : openFile(size, { path, fresh: overwrite ? 'wiped' : 'empty', onClose })
    this.lent.add(path)
    this.ours.add(path)
    this.told.set(device, `${backing.why}, the first ${bytesText(size)}`)
    return backing
  }
}
