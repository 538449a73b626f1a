// Two hosts share one device: a transcript of the real programs, run again. The real two hosts were two namespaces of one machine,
// so here their caches are kept equal.
import { afterAll, expect, it } from 'vitest'
import { GiB, World } from '../../src/world/index.ts'
import vectors from '../vectors/multihost.json' with { type: 'json' }

interface Step {
  readonly on: string
  readonly run: readonly string[]
  /** Of the last so many commands. */
  readonly rc: readonly number[]
  readonly says?: readonly string[]
  readonly lines?: readonly string[]
  /** Those lines and no others. */
  readonly only?: boolean
  /** Mode, size of what is no directory, and name, as `ls -la` shows them. */
  readonly ls?: readonly string[]
}

/** How our programs put each kind of message. */
const SAYS: Readonly<Record<string, RegExp>> = {
  'not the owner': /not the owner of the file system; only the owner creates/,
  'mounted here': /mounted on \/mnt\/famfs/,
  "another host's": /the superblock on \/dev\/dax0\.0 is owned by another host/,
  'superblock killed': /^Famfs superblock killed$/m,
  'invalid superblock': /(invalid|no valid) superblock: superblock: magic 0x0/,
}

const w = new World({ server: 'famfs-48' })
afterAll(() => w.close())
w.daxdev('dax0.0', { size: GiB(4), coherence: 'back-invalidate' })
const hosts = { A: w.host('A'), B: w.host('B') }
for (const h of w.hosts) h.cli('mkdir /mnt/famfs')

/** Lines of `ls -la` without owner, times and the counts of links. */
const listed = (out: readonly string[]): string[] =>
  out
    .map(l => /^(\S{10}) +\d+ +\S+ +\S+ +(\d+) \S+ (.*)$/.exec(l))
    .filter(m => m !== null && m[3] !== '.' && m[3] !== '..')
    .map(m => (m![1]!.startsWith('d') ? `${m![1]} ${m![3]}` : `${m![1]} ${m![2]} ${m![3]}`))

const seen = (vectors.steps as readonly Step[]).map(step => {
  const ends = step.run.map(line => hosts[step.on as 'A' | 'B'].cli(line))
  return { ...step, name: `${step.on}: ${step.run.join('; ')}`, ends }
})

it.each(seen)('$name', ({ rc, says = [], lines = [], only, ls, ends }) => {
  const text = ends.flatMap(e => [...e.out, ...e.err])
  expect(
    ends.slice(-rc.length).map(e => e.rc),
    text.join('\n'),
  ).toEqual(rc)
  for (const kind of says) expect(text.join('\n')).toMatch(SAYS[kind]!)
  if (only) expect(text).toEqual(lines)
  else expect(text.filter(l => lines.includes(l))).toEqual(lines)
  if (ls !== undefined) expect(listed(text)).toEqual(ls)
})
