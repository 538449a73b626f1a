// The two reference images, made again by the commands that made them: every command's exit code, and every byte of the log's
// entries. Buckets are drawn as they were then.
import { describe, expect, it } from 'vitest'
import { tmpfs_create } from '../../../src/kernel/index.ts'
import { GiB, MiB } from '../../../src/sim/index.ts'
import { image } from '../../media/images.ts'
import { drawsFor, noDraws } from '../alloc-draws.ts'
import { entriesOf, mkfs, mount } from './mounted.ts'
import { oneHost } from './on-host.ts'

type Line = readonly [rc: number, line: string, order?: readonly number[]]

/** Exit codes that differ, and the entries. */
function replay(size: number, loglen: string, files: Record<string, number>, lines: readonly Line[]) {
  const { w, h } = oneHost({ size, fabric: { caches: false } })
  mkfs(h, loglen)
  mount(h)
  for (const [path, len] of Object.entries(files)) tmpfs_create(h.k, path, new Uint8Array(len).fill(7))
  const wrong: string[] = []
  for (const [rc, line, order] of lines) {
    h.site.draw = order === undefined ? noDraws : drawsFor(order)
    const end = h.cli(line.replaceAll('@', '/mnt/famfs'))
    if (end.rc !== rc) wrong.push(`${line}: ${end.rc}, expected ${rc}: ${end.err.join('; ')}`)
  }
  const entries = entriesOf(w)
  w.close()
  return { wrong, entries }
}

describe('basic4g', () => {
  const files = { '/tmp/src1': 12345, '/tmp/src2': MiB(5), '/tmp/tree/h': 6, '/tmp/tree/s1/s2/x': 5 }
  const got = replay(GiB(4), '8m', files, [
    [0, 'famfs creat -s 1 @/onebyte'],
    [0, 'famfs creat -r -S 1 -s 4096 @/f4k'],
    [0, 'famfs creat -r -S 2 -s 2M @/f2m'],
    [0, 'famfs creat -r -S 3 -s 2097153 @/f2m1'],
    [0, 'famfs creat -s 100m -m 600 -u 1000 -g 1000 @/f100m'],
    [0, 'famfs mkdir @/d1'],
    [0, 'famfs mkdir -p -m 750 -u 7 -g 8 @/a/b/c/d'],
    [0, 'famfs creat -s 10000k @/a/b/c/d/deep'],
    [0, 'famfs cp /tmp/src1 /tmp/src2 @/d1'],
    [0, 'famfs cp -r /tmp/tree @/tree'],
    [0, 'famfs creat -M @/m1,1M,42 -M @/m2,3M'],
    [0, 'famfs creat -s 4096 @/this_is_a_path_name_that_is_exactly_long_enough_to_be_seventy_eight_chars_abcd'],
    [1, 'famfs creat -s 0 @/empty'],
    [1, 'famfs creat -s 8192 @/f4k'],
    [1, 'famfs creat -s 4096 /tmp/notfamfs'],
    [1, 'famfs mkdir @/d1'],
    [22, 'famfs cp /dev/zero @/zz'],
    [1, 'famfs creat -s 5G @/toobig'],
    [0, 'famfs verify -S 1 -f @/f4k'],
    [1, 'famfs verify -S 9 -f @/f4k'],
  ])
  it('exits as then', () => expect(got.wrong).toEqual([]))
  it('logs the same bytes', () => expect(got.entries).toEqual(image('basic4g').entries))
})

describe('interleave8g', () => {
  const eight = [7, 3, 2, 6, 1, 4, 5, 0]
  const got = replay(GiB(8), '16m', {}, [
    [0, 'famfs mkdir @/striped'],
    [0, 'famfs creat -s 256M -N 7 -B 8 @/striped/s7_2m', eight],
    [0, 'famfs creat -s 100M -N 4 -B 8 -C 4M @/striped/s4_4m', eight],
    [0, 'famfs creat -s 3M -N 8 -B 8 -C 2M @/striped/amp', eight],
    [0, 'famfs creat -s 1M -N 8 -B 8 -C 2M @/striped/fallback'],
    [0, 'famfs creat -s 64M @/plain'],
    [0, 'famfs creat -s 33M -N 1 -B 8 -C 16M @/striped/one', eight],
    [0, 'famfs creat -r -S 5 -s 30M -N 3 -B 5 -C 2M @/striped/seeded', [3, 2, 1, 0, 4]],
    [0, 'famfs verify -S 5 -f @/striped/seeded'],
    [1, 'famfs creat -vv -B 100 -C 2m -N 3 -s 2m @/toomanybuckets'],
    [1, 'famfs creat -B 10 -C 2000000 -N 3 -s 2m @/badchunksz'],
    [1, 'famfs creat -B 8 -C 2M -N 17 -s 64m @/n17'],
    [1, 'famfs creat -B 4 -C 2M -N 6 -s 64m @/ngtb'],
    [1, 'famfs creat -B 16 -C 2M -N 6 -s 64m @/small_bucket'],
    [1, 'famfs creat -B 8 -N 8 -s 20G @/toobig', eight],
    [0, 'famfs cp -N 2 -B 8 -C 2M @/striped/seeded @/striped/seeded_cp', eight],
    [0, 'famfs verify -S 5 -f @/striped/seeded_cp'],
  ])
  it('exits as then', () => expect(got.wrong).toEqual([]))
  it('logs the same bytes', () => expect(got.entries).toEqual(image('interleave8g').entries))
})
