// Hosts and devices on a bare machine, for tests of the fabric: no kernel, no file system.
import { type DaxMemory, Memory, make_memory, openArrayBuffer } from '../../src/devdax/index.ts'
import { type DeviceOptions, Fabric, type FabricHost } from '../../src/fabric/index.ts'
import type { Machine, Step, Task } from '../../src/sim/index.ts'

export interface RigOptions extends DeviceOptions {
  readonly caches?: boolean
  readonly devices?: number
  readonly hosts?: number
  /** Bytes of each device. */
  readonly size?: number
}

export class FabricRig {
  readonly m: Machine
  readonly fabric: Fabric
  readonly devices: DaxMemory[] = []
  readonly hosts: FabricHost[] = []

  constructor(m: Machine, o: RigOptions = {}) {
    this.m = m
    this.fabric = new Fabric(m, { caches: o.caches })
    for (let i = 0; i < (o.hosts ?? 2); i++) this.hosts.push(this.fabric.host(`h${i}`))
    for (let i = 0; i < (o.devices ?? 1); i++) {
      const size = o.size ?? 2 << 20
      const memory = new Memory(openArrayBuffer(size))
      m.journal.addSaver({ save: () => memory.mark(), restore: t => memory.rewind(t) })
      const d = make_memory(m, `dax${i}.0`, memory)
      this.devices.push(d)
      this.fabric.device(d, o)
    }
  }

  /** The body as a user task of host `h`. */
  on(h: number, body: () => Step<any>): () => Step<any> {
    const { m } = this
    const fabric = this.hosts[h]!
    return function* () {
      m.current!.owner = { user: true, fabric }
      return yield* body()
    }
  }

  spawn(h: number, label: string, body: () => Step<any>): Task {
    return this.m.spawn(label, body(), { owner: { user: true, fabric: this.hosts[h]! } })
  }

  /** What the cache of host `h` holds of device `d`. */
  cached(h: number, d = 0): { lines: number; dirty: number } {
    return this.hosts[h]!.port(this.devices[d]!).lines!.count()
  }

  /** Byte `off` of the memory itself. */
  byte(off: number, d = 0): number {
    const b = new Uint8Array(1)
    this.devices[d]!.memory.read(off, b)
    return b[0]!
  }
}
