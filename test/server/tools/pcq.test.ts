// pcq: its exit codes, its files, and messages between two hosts whose caches nobody keeps equal.
import { afterAll, describe, expect, it } from 'vitest'
import { bucketSeq, encodeBucket, P_HEADER } from '../../../src/server/tools/pcq/layout.ts'
import { replaceAll } from '../../../src/sim/replace.ts'
import { GiB, type Host, replace, World } from '../../../src/world/index.ts'
import vectors from '../../vectors/cli-exit-codes.json' with { type: 'json' }

const Q = '/mnt/famfs/q'
const worlds: World[] = []
afterAll(() => {
  for (const w of worlds) w.close()
})

/** Hosts with one famfs, of which the first is the owner. Every command of `lines` on the first succeeds before others mount. */
function hosts(n: number, server: string, lines: readonly string[] = [], noDefect: string[] = []): Host[] {
  const w = new World({ server, switches: { noDefect } })
  worlds.push(w)
  w.daxdev('dax0.0', { size: GiB(4) })
  const all = Array.from({ length: n }, (_, i) => w.host(`h${i}`))
  for (const [i, h] of all.entries())
    for (const line of [
      'mkdir -p /mnt/famfs',
      ...(i === 0 ? ['mkfs.famfs /dev/dax0.0'] : []),
      'famfs mount /dev/dax0.0 /mnt/famfs',
      ...(i === 0 ? lines : []),
    ]) {
      const end = h.cli(line)
      if (end.rc !== 0) throw new Error(`${line}: ${end.err.join('; ')}`)
    }
  return all
}

describe('exit codes', () => {
  const [h] = hosts(1, 'famfs-48', ['famfs creat -s 4K /mnt/famfs/q'])
  const lines = (vectors.commands as [number, string][]).filter(([, line]) => line.includes('pcq'))
  it('there are 14', () => expect(lines).toHaveLength(14))
  it.each(lines)('%i: %s, as the real one', (rc, line) => {
    const end = h!.cli(line.replace(/^timeout 3 /, ''))
    expect([end.rc, ...end.err], end.err.join('\n')).toEqual([rc, ...end.err])
  })
  it.each([
    // Q25, Q21: what reports failure fails; a bucket that holds no payload is none; -P takes its argument.
    [1, 'pcq --create --bsize 8 --nbuckets 4 /mnt/famfs/q8', 'bucket size 8: expected a power of 2 above 16'],
    [1, 'pcq --create --bsize 1K --nbuckets 1 /mnt/famfs/q1', '1 buckets: expected 2 or more'],
    [0, 'pcq --create --bsize 1K --nbuckets 4 /mnt/famfs/q', ''],
    [1, 'pcq --create --bsize 1K --nbuckets 4 /mnt/famfs/q', 'is there already'],
    [0, 'pcq -P c /mnt/famfs/q', ''],
    [1, 'pcq --setperm c /mnt/famfs/none', 'its permissions cannot be set'],
    [1, 'pcq --info /etc/hosts', '/etc/hosts.consumer is missing'],
    [0, 'pcq --help', ''],
    [1, 'pcq -pc -N 3 --time 4 /mnt/famfs/q', 'expected -N MESSAGES or --time SECONDS'],
    [1, 'pcq --create --info --bsize 1K --nbuckets 4 /mnt/famfs/z', 'expected one of --create'],
  ])('%i: %s, without the defects', (rc, line, why) => {
    fixed ??= hosts(1, 'fixed')[0]!
    const end = fixed.cli(line)
    expect(end.rc, end.err.join('\n')).toBe(rc)
    if (why !== '') expect(end.err.join('\n')).toContain(why)
    else expect(end.err).toEqual([])
  })
  let fixed: Host | undefined
})

it('a bucket: payload, sequence number, crc over both; one changed bit shows', () => {
  const b = encodeBucket(new Uint8Array(48).fill(7), 12345)
  expect([b.length, bucketSeq(b), P_HEADER]).toEqual([64, 12345, 0x438])
  for (const at of [0, 47, 48, 55, 56]) {
    const wrong = b.slice()
    wrong[at]! ^= 1
    expect(bucketSeq(wrong)).toBe(null)
  }
})

describe('one host', () => {
  const [h] = hosts(1, 'famfs-48', ['pcq --create --bsize 1K --nbuckets 8 /mnt/famfs/q'])
  it.each([
    ['pcq --info /mnt/famfs/q', 'messages:       0'],
    ['pcq --drain /mnt/famfs/q', 'pcq drain: nreceived=0 nerrors=0 nempty=1 retries=0'],
    ['pcq -p -N 5 --seed 9 /mnt/famfs/q', 'pcq producer: nsent=5'],
    ['pcq --info /mnt/famfs/q', 'messages:       5'],
    ['pcq -c -N 2 --seed 9 /mnt/famfs/q', 'pcq consumer: nreceived=2 nerrors=0 nempty=0 retries=0'],
    ['pcq --drain --seed 9 --statusfile /tmp/s /mnt/famfs/q', 'pcq drain: nreceived=3 nerrors=0 nempty=1 retries=0'],
    ['cat /tmp/s', '3'],
    ['pcq -pc -N 100 --seed 3 --statusfile /tmp/s /mnt/famfs/q', 'pcq producer: nsent=100'],
    ['cat /tmp/s', '200'],
    ['pcq --setperm n /mnt/famfs/q', undefined],
    ['stat -c %a /mnt/famfs/q', '444'],
  ])('%s', (line, want) => {
    const end = h!.cli(line)
    expect(end.err).toEqual([])
    expect(end.rc).toBe(0)
    expect(line.includes('--info') ? end.out.at(-1) : end.out[0]).toBe(want)
  })
  it('data that is not of the seed is told, and makes the count in the status file negative', () => {
    const [one] = hosts(1, 'famfs-48', [
      'pcq --create --bsize 1K --nbuckets 8 /mnt/famfs/q',
      `pcq -p -N 3 --seed 1 ${Q}`,
    ])
    const end = one!.cli(`pcq -c -N 3 --seed 2 --statusfile /tmp/s ${Q}`)
    expect([end.rc, end.err.length, one!.cli('cat /tmp/s').out]).toEqual([1, 3, ['-3']])
  })
})

/** A producer on the first host and a consumer on the second, at the same time: how both ended. */
function two_hosts(server: string, nbuckets: number, messages: number, noDefect: string[] = []): string[] {
  const [h0, h1] = hosts(2, server, [`pcq --create --bsize 256 --nbuckets ${nbuckets} ${Q}`], noDefect)
  const ends: string[] = []
  for (const [h, side] of [
    [h1!, 'c'],
    [h0!, 'p'],
  ] as const)
    h.app(side, function* (sys) {
      // A consumer that has ended does not take what is left: whoever sends waits for room until its time is up.
      const end = yield* h.sh(sys, `pcq -${side} -N ${messages} --seed 5 ${Q}`)
      ends.push(`${side} ${end.rc}: ${[...end.out, ...end.err].join('; ')}`)
    })
  const w = h0!.world
  const r = w.run()
  expect(r.problems).toEqual([])
  return ends.sort()
}

describe('two hosts, no coherence between their caches', () => {
  it('1000 messages arrive, each the next, with the data of the seed', () => {
    const ends = two_hosts('famfs-48', 1024, 1000)
    expect(ends).toEqual([
      expect.stringMatching(/^c 0: pcq consumer: nreceived=1000 nerrors=0 nempty=\d+ retries=0$/),
      'p 0: pcq producer: nsent=1000',
    ])
  })
  it('buckets come round again: what is cached of the round before is looked at once more', () => {
    const ends = two_hosts('famfs-48', 8, 1000, ['Q41'])
    expect(ends).toEqual([
      expect.stringMatching(/^c 0: pcq consumer: nreceived=1000 nerrors=0 nempty=\d+ retries=992$/),
      'p 0: pcq producer: nsent=1000',
    ])
  })
  it('Q41: the real consumer ends there, since the crc of an old bucket is good', () => {
    const ends = two_hosts('famfs-48', 8, 9)
    expect(ends[0]).toMatch(/^c 255: .*nreceived=8 nerrors=1.*; pcq: bucket 0: sequence number 0, expected 8$/)
  })
  it('canary: without the invalidate of the producer’s index the consumer sees an empty queue', () => {
    const drained = (): string => {
      const [h0, h1] = hosts(2, 'famfs-48', [`pcq --create --bsize 256 --nbuckets 8 ${Q}`])
      h1!.cli(`pcq --info ${Q}`)
      h0!.cli(`pcq -p -N 3 ${Q}`)
      return h1!.cli(`pcq --drain ${Q}`).out[0]!
    }
    expect(drained()).toContain('nreceived=3')
    const undo = replaceAll([replace('invalidate_processor_cache', function* (_sys, _addr, _len) {})])
    try {
      expect(drained()).toContain('nreceived=0')
    } finally {
      undo()
    }
  })
})
