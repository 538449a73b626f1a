// An archive in the format the kernel unpacks as its first file system (newc: text headers, everything padded to 4 bytes).
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'

export class Cpio {
  private readonly fd: number
  private readonly there = new Set<string>(['.', '/'])
  private inode = 0

  constructor(path: string) {
    this.fd = openSync(path, 'w')
  }

  file(path: string, bytes: Uint8Array, mode = 0o755): void {
    if (this.there.has(path)) return
    this.folder(dirname(path))
    this.entry(path, 0o100000 | mode, bytes)
  }

  link(path: string, to: string): void {
    this.folder(dirname(path))
    this.entry(path, 0o120777, Buffer.from(to))
  }

  folder(path: string): void {
    if (this.there.has(path)) return
    this.folder(dirname(path))
    this.entry(path, 0o040755, Buffer.alloc(0))
  }

  /** A file of this machine, at `to` of the archive. */
  copy(from: string, to = from): void {
    this.file(to, readFileSync(from))
  }

  /** A folder of this machine with all that `want` takes. */
  tree(from: string, to: string, want: (path: string) => boolean = () => true): void {
    for (const name of readdirSync(from).sort()) {
      const [source, target] = [join(from, name), join(to, name)]
      if (!want(source)) continue
      const s = lstatSync(source)
      if (s.isDirectory()) this.tree(source, target, want)
      else if (s.isSymbolicLink()) this.link(target, readlinkSync(source))
      else if (s.isFile()) this.file(target, readFileSync(source), s.mode & 0o777)
    }
  }

  close(): void {
    this.entry('TRAILER!!!', 0, Buffer.alloc(0))
    closeSync(this.fd)
  }

  private entry(path: string, mode: number, bytes: Uint8Array): void {
    this.there.add(path)
    const name = Buffer.from(`${path.replace(/^\//, '')}\0`)
    const fields = [++this.inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length, 0]
    const head = `070701${fields.map(n => n.toString(16).padStart(8, '0')).join('')}`
    this.put(Buffer.concat([Buffer.from(head), name]))
    this.put(bytes)
  }

  private put(bytes: Uint8Array): void {
    writeSync(this.fd, bytes)
    writeSync(this.fd, Buffer.alloc((4 - (bytes.length % 4)) % 4))
  }
}
