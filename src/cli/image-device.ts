// An image file as the device of a world: a plain file is the memory itself and keeps what is written; a .gz is unpacked into memory,
// and what is written there is gone with the run.
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { type Backing, BackingError, chooseBacking, Lender, openFile } from '../devdax/index.ts'
import { decodeSuperblock, SB_MAGIC, SB_SIZE } from '../media/index.ts'
import { oneLine, UserError } from './errors.ts'

export interface OpenImage {
  /** Bytes of the device: what its superblock says, else of the file; 4 GiB when there is none. */
  readonly size: number
  /** System uuid of the host that owns the famfs on it; null: there is none. */
  readonly owner: string | null
  readonly lender: Lender
  /** A line about where it lies. */
  readonly note: string
}

const NEW_SIZE = 2 ** 32
const UNIT = 0x200000

/** A lender of one device whose bytes are there already. */
class ImageLender extends Lender {
  private readonly bytes: (size: number) => Backing
  constructor(bytes: (size: number) => Backing) {
    super()
    this.bytes = bytes
  }
  override open(_device: string, size: number): Backing {
    return this.bytes(size)
  }
}

/** First bytes of a file. */
function head(path: string): Buffer {
  const b = Buffer.alloc(SB_SIZE)
  const fd = openSync(path, 'r')
  try {
    readSync(fd, b, 0, SB_SIZE, 0)
    return b
  } finally {
    closeSync(fd)
  }
}

/** These bytes at the start of a memory of this process. */
function inMemory(image: Uint8Array, size: number): Backing {
  const backing = chooseBacking({ size })
  for (let at = 0; at < image.length && at < size; at += UNIT) {
    const i = Math.floor(at / backing.windowSize)
    backing.window(i).set(image.subarray(at, Math.min(at + UNIT, size)), at - i * backing.windowSize)
  }
  return backing
}

/** What the superblock at the start of an image says, if one does. */
function superblock(first: Uint8Array, length: number): { size: number; owner: string | null } {
  const { ok, sb } = decodeSuperblock(first)
  if (ok && sb.magic === SB_MAGIC) return { size: sb.daxdevSize, owner: sb.systemUuid }
  return { size: length === 0 ? NEW_SIZE : Math.ceil(length / UNIT) * UNIT, owner: null }
}

/** The image of this name; a file that is not there is made. UserError: it cannot be used. */
export function openImage(path: string): OpenImage {
  if (existsSync(path) && !statSync(path).isFile()) throw new UserError(`--device ${path}: not a plain file`)
  const there = existsSync(path)
  try {
    const first = there ? head(path) : Buffer.alloc(SB_SIZE)
    if (first[0] === 0x1f && first[1] === 0x8b) {
      const image = gunzipSync(readFileSync(path))
      const { size, owner } = superblock(image.subarray(0, SB_SIZE), image.length)
      const note = `${path} is packed: what is written to the device is not kept`
      return { size, owner, lender: new ImageLender(n => inMemory(image, n)), note }
    }
    const { size, owner } = superblock(first, there ? statSync(path).size : 0)
    const note = `/dev/dax0.0 is ${path}${there ? '' : ', new'}: what is written is kept`
    return { size, owner, lender: new ImageLender(n => openFile(n, { path })), note }
  } catch (e) {
    if (e instanceof BackingError) throw e
    throw new UserError(`--device ${path}: ${oneLine((e as Error).message)}`)
  }
}
