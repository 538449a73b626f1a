// What the real programs did when they were poked: the daemon's lock, long paths, odd options, a tree changed behind the daemon,
// daemons that are killed. Run again, section by section of the transcript, on one host.
import { afterAll, describe, expect, it } from 'vitest'
import { GiB, type Host, type Job, Session, World } from '../../src/world/index.ts'

const MPT = '/mnt/famfs'
const LOG = `${MPT}/.meta/.log`
const LONG = 'x'.repeat(85)

const worlds: World[] = []
afterAll(() => {
  for (const w of worlds) w.close()
})

/** A host with a session, and a famfs mounted. */
class Probe {
  readonly session: Session
  readonly h: Host
  constructor() {
    const w = new World({ server: 'famfs-48' })
    worlds.push(w)
    w.daxdev('dax0.0', { size: GiB(4) })
    this.h = w.host('h0')
    this.session = new Session(w)
    for (const line of [`mkdir ${MPT}`, 'mkfs.famfs /dev/dax0.0', `famfs mount --fuse /dev/dax0.0 ${MPT}`])
      expect(this.run(line).rc, line).toBe(0)
  }
  run(line: string): { rc: number; text: string[]; seconds: number } {
    const { end, at, ended } = this.finish(this.session.start(this.h, line))
    return { rc: end!.rc, text: [...end!.out, ...end!.err], seconds: (ended - at) / 1e9 }
  }
  /** In the background: it has begun when the next command starts. */
  begin(line: string): Job {
    const job = this.session.start(this.h, line, true)
    this.run('sleep 0.1')
    return job
  }
  finish(job: Job): Job {
    expect(this.session.finish([job]).stuck).toEqual([])
    return job
  }
  shadow(): string {
    const [line] = this.run('getfattr -n user.famfs.shadow /mnt/famfs').text.slice(1)
    return /"(.*)"/.exec(line!)![1]!.replace(/\0$/, '')
  }
}

describe('1. to 3.: flock', () => {
  const p = new Probe()
  it('1. a second exclusive lock while the first is held: EINVAL; its close lets the first one go', () => {
    const holder = p.begin(`flock -x ${LOG} sleep 5`)
    const second = p.run(`flock -x ${LOG} echo got-lock`)
    expect(second.rc).toBe(65)
    expect(second.text).toEqual([`flock: ${LOG}: Invalid argument`])
    expect(second.seconds).toBeLessThan(0.1)
    expect(p.run(`famfs creat -s 4096 ${MPT}/while_locked`).rc).toBe(0)
    expect(p.run(`flock -n -x ${LOG} echo nonblocking-got-lock`)).toMatchObject({
      rc: 0,
      text: ['nonblocking-got-lock'],
    })
    expect(p.run(`flock -s ${LOG} echo shared-got-lock`)).toMatchObject({
      rc: 65,
      text: [`flock: ${LOG}: Invalid argument`],
    })
    p.finish(holder)
  })
  it("2. somebody else's close lets it go", () => {
    const holder = p.begin(`flock -x ${LOG} sleep 5`)
    expect(p.run(`wc -c ${LOG}`).text).toEqual([`8388608 ${LOG}`])
    const after = p.run(`flock -x ${LOG} echo got-lock-after-foreign-close`)
    expect(after).toMatchObject({ rc: 0, text: ['got-lock-after-foreign-close'] })
    expect(after.seconds).toBeLessThan(0.1)
    p.finish(holder)
  })
  it('3. a lock on another file is waited for: there is one for all', () => {
    expect(p.run(`famfs creat -s 4096 ${MPT}/other`).rc).toBe(0)
    const holder = p.begin(`flock -x ${MPT}/other sleep 2.6`)
    const waited = p.run(`famfs creat -s 4096 ${MPT}/while_other_locked`)
    expect(waited.rc).toBe(0)
    expect(waited.seconds).toBeGreaterThan(2.4)
    expect(waited.seconds).toBeLessThan(2.6)
    p.finish(holder)
  })
})
// 4., two creats at a time, twenty of them: test/server/tools/parallel.test.ts. 9., the socket: test/server/tools/curl.test.ts.

describe('5. to 8. and 10. to 12.', () => {
  const p = new Probe()
  it('5. long paths: creat dies, mkdir makes what the log cannot hold', () => {
    expect(p.run(`famfs creat -s 4096 ${MPT}/${LONG}`)).toMatchObject({
      rc: 134,
      text: [expect.stringContaining('assert')],
    })
    expect(p.run(`famfs mkdir ${MPT}/${LONG}`).rc).toBe(0)
    expect(p.run(`famfs creat -s 4096 ${MPT}/${LONG}/f`).rc).toBe(134)
    const played = p.run(`famfs logplay -n -v ${MPT}`)
    expect(played.rc).toBe(0)
    expect(played.text.filter(l => l.includes('xxx'))).toEqual([expect.stringMatching(/directory x{79}, 755 0:0$/)])
    expect(p.run(`ls ${MPT}`).text).toEqual([LONG])
  })
  it('6. creat with buckets and chunks and no strips divides by zero', () =>
    expect(p.run(`famfs creat -B 4 -C 2M -s 8M ${MPT}/nstr0`).rc).toBe(136))
  it('7. logplay -S takes no argument: the shadow is taken for the file system', () =>
    expect(p.run(`famfs logplay -S /tmp ${MPT}`)).toMatchObject({ rc: 1, text: [expect.stringContaining('/tmp')] }))
  it('8. an .alloc.cfg in the tree: seen by name, not to be looked at, not used', () => {
    const cfg = `${p.shadow()}/root/.meta/.alloc.cfg`
    expect(p.run(`dd if=/etc/hosts of=${cfg} status=none`).rc).toBe(0)
    const ls = p.run(`ls -la ${MPT}/.meta`)
    expect(ls.rc).toBe(1)
    expect(ls.text).toContain(`ls: cannot access '${MPT}/.meta/.alloc.cfg': No such file or directory`)
    expect(ls.text.filter(l => /^-\?{9}( +\?){5} \.alloc\.cfg$/.test(l))).toHaveLength(1)
    expect(ls.text.filter(l => l.startsWith('-rw-r--r--') && l.endsWith(' .log'))).toHaveLength(1)
    expect(ls.text.filter(l => l.startsWith('-r--r--r--') && l.endsWith(' .superblock'))).toHaveLength(1)
    const made = p.run(`famfs creat -v -s 16M ${MPT}/via_cfg`)
    expect(made.rc).toBe(0)
    expect(p.run(`cat ${p.shadow()}/root/via_cfg`).text).toEqual(
      expect.arrayContaining(['  nextents: 1', '  simple_ext_list:', '    length: 0x1000000']),
    )
  })
  it('10. junk in the tree has a name, and nothing more', () => {
    expect(p.run(`dd if=/etc/hosts of=${p.shadow()}/root/onejunk status=none`).rc).toBe(0)
    expect(p.run(`ls ${MPT}`).text).toEqual(['onejunk', 'via_cfg', LONG])
    expect(p.run(`cat ${MPT}/onejunk`)).toMatchObject({
      rc: 1,
      text: [`cat: ${MPT}/onejunk: No such file or directory`],
    })
  })
  it('11. kill -9 of the daemon: a mount that answers nothing, and is in the way until it is unmounted', () => {
    expect(p.run('pkill -9 famfs_fused').rc).toBe(0)
    expect(p.run(`ls ${MPT}`)).toMatchObject({
      rc: 2,
      text: [`ls: cannot open directory '${MPT}': Transport endpoint is not connected`],
    })
    expect(p.run(`famfs creat -s 4096 ${MPT}/z`).rc).toBe(1)
    const again = p.run(`famfs mount --fuse /dev/dax0.0 ${MPT}`)
    expect(again.rc).toBe(1)
    expect(again.text.join('\n')).toMatch(/mounted on \/mnt\/famfs/)
    expect(p.run(`umount ${MPT}`).rc).toBe(0)
    const mounted = p.run(`famfs mount --fuse /dev/dax0.0 ${MPT}`)
    expect(mounted).toMatchObject({
      rc: 0,
      text: [`daxdev=/dev/dax0.0, mpt=${MPT}`, 'famfs_logplay(shadow): 2 log entries; 1 new files; 1 new directories'],
    })
    // The name as the log has it.
    expect(p.run(`ls ${MPT}`).text).toEqual(['via_cfg', LONG.slice(0, 79)])
  })
  it('12. SIGTERM: the daemon unmounts, takes its socket away and leaves the tree', () => {
    const shadow = p.shadow()
    expect(p.run(`ls ${shadow}`).text).toEqual(['root', 'sock'])
    expect(p.run('pkill famfs_fused').rc).toBe(0)
    p.run('sleep 1')
    expect(p.run(`ls ${shadow}`).text).toEqual(['root'])
    expect(p.run(`ls -a ${MPT}`).text).toEqual(['.', '..'])
  })
})

describe('a mount point without the word famfs (Q34)', () => {
  const p = new Probe()
  it('is not seen as a mount of the device: mkfs -f writes below it', () => {
    expect(p.run(`umount ${MPT}`).rc).toBe(0)
    for (const line of ['mkdir /mnt/x /mnt/y', 'mkfs.famfs -f /dev/dax0.0']) expect(p.run(line).rc, line).toBe(0)
    expect(p.run('famfs mount --fuse /dev/dax0.0 /mnt/x')).toMatchObject({
      rc: 0,
      text: expect.arrayContaining(['famfs_logplay(shadow): 0 log entries; 0 new files; 0 new directories']),
    })
    expect(p.run('famfs creat -s 4096 /mnt/x/a').rc).toBe(0)
    expect(p.run('cat /dev/null').rc).toBe(0)
  })
  // Transcript: the second mount, fsck by the device and mkfs -f all succeed. There the data came from the server; here as on a
  // real DAX device (userspace.md i.1, Q34) it has one holder: the second mount's GET_DAXDEV gets EBUSY, and what needs a mount fails.
  it.each(['famfs mount --fuse /dev/dax0.0 /mnt/y', 'famfs fsck /dev/dax0.0', 'mkfs.famfs -f /dev/dax0.0'])(
    'exception: %s is not refused by the program, but the device has one holder',
    line => {
      const end = p.run(line)
      expect(end.rc).not.toBe(0)
      expect(end.text.join('\n')).not.toMatch(/mounted on \/mnt\/x/)
    },
  )
})
