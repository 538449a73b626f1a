// The daemon's inode cache: references up and down a tree, the search, what stays (famfs_icache_test; userspace.md h.1).
import { describe, expect, it } from 'vitest'
import { type FusedInode, Icache, type NewInode } from '../../../src/server/daemon/icache.ts'
import { Machine } from '../../../src/sim/index.ts'

const N = 10000
const node = (ino: number, fd = -1): NewInode => ({
  name: `f${ino}`,
  attr: {
    ino,
    mode: 0o100644,
    uid: 0,
    gid: 0,
    nlink: 1,
    size: 0,
    blocks: 8,
    blksize: 4096,
    atime: 0,
    mtime: 0,
    ctime: 0,
  },
  fmap: null,
  fd,
})
const cache = (m = new Machine()) => new Icache(m, node(1, 3))

describe('famfs_icache_test', () => {
  it('10000 inodes, each the parent of the next: the last one forgotten takes all with it', () => {
    const ic = cache()
    const all: FusedInode[] = []
    for (let i = 0; i < N; i++) all.push(ic.insert(all[i - 1] ?? ic.root, node(100 + i, 100 + i)))
    expect(ic.count).toBe(N)
    expect(ic.root.refs.peek()).toBe(3)
    for (const i of all.slice(0, -1)) expect(i.refs.peek()).toBe(2)
    expect(all.at(-1)!.refs.peek()).toBe(1)
    // The look-ups of all but the last are given back: their children still hold them.
    for (const i of all.slice(0, -1)) expect(ic.put(i)).toEqual([])
    expect(ic.count).toBe(N)
    const fds = ic.put(all.at(-1)!)
    expect(fds).toEqual(all.map(i => i.fd).reverse())
    expect(ic.count).toBe(0)
    expect(ic.root.refs.peek()).toBe(2)
  })

  it('10000 inodes below the root: it has a reference for each, and one for who looks at it', () => {
    const ic = cache()
    ic.ref(ic.root)
    const all = Array.from({ length: N }, (_, i) => ic.insert(ic.root, node(100 + i)))
    expect(ic.root.refs.peek()).toBe(3 + N)
    expect(ic.count).toBe(N)
    for (const i of all) expect(i.refs.peek()).toBe(1)
    for (const i of all.slice(N / 2).reverse()) expect(ic.put(i)).toEqual([])
    expect(ic.count).toBe(N / 2)
    expect(ic.root.refs.peek()).toBe(3 + N / 2)
    expect(ic.byNode(all[N - 1]!.nodeid)).toBeUndefined()
    expect(ic.byNode(all[0]!.nodeid)).toBe(all[0])
  })

  it('destroy: whatever is held goes, and every descriptor comes back', () => {
    const ic = cache()
    const d = ic.insert(ic.root, node(5, 50))
    const f = ic.insert(d, node(6))
    ic.ref(f, 7)
    f.pinned.poke(true)
    expect(ic.destroy()).toEqual([50, 3])
    expect(ic.count).toBe(0)
    expect(ic.byNode(f.nodeid)).toBeUndefined()
  })
})

describe('the cache', () => {
  it('searches by inode number from the newest, takes a reference, and counts', () => {
    const ic = cache()
    const [a, , c] = [11, 12, 13].map(n => ic.insert(ic.root, node(n)))
    expect(ic.get(13)).toBe(c)
    expect(ic.stats.peek()).toEqual({ search_count: 1, nodes_scanned: 1, search_fail_ct: 0 })
    expect(ic.get(11)).toBe(a)
    expect(a!.refs.peek()).toBe(2)
    expect(ic.stats.peek()).toEqual({ search_count: 2, nodes_scanned: 4, search_fail_ct: 0 })
    expect(ic.get(99)).toBeNull()
    expect(ic.stats.peek()).toEqual({ search_count: 3, nodes_scanned: 7, search_fail_ct: 1 })
  })

  it('a pinned inode survives the last reference, and holds its parent', () => {
    const ic = cache()
    const d = ic.insert(ic.root, node(5, 50))
    const f = ic.insert(d, node(6))
    ic.put(d)
    f.pinned.poke(true)
    expect(ic.put(f)).toEqual([])
    expect([ic.get(6), ic.count]).toEqual([f, 2])
  })

  it('drops several references at once', () => {
    const ic = cache()
    const f = ic.insert(ic.root, node(6))
    ic.ref(f, 4)
    ic.put(f, 3)
    expect([f.refs.peek(), ic.count]).toEqual([2, 1])
    ic.put(f, 2)
    expect(ic.count).toBe(0)
  })

  it('comes back at a rewind', () => {
    const m = new Machine()
    const ic = cache(m)
    const f = ic.insert(ic.root, node(6))
    const mark = m.journal.mark()
    ic.insert(ic.root, node(7))
    ic.put(f)
    f.pinned.poke(true)
    m.journal.rewind(mark)
    expect(ic.inodes()).toEqual([f])
    expect([f.refs.peek(), f.pinned.peek(), ic.root.refs.peek()]).toEqual([1, false, 3])
    expect(ic.byNode(f.nodeid)).toBe(f)
  })
})
