// The small tools: output, complaints and exit codes, in the words of the GNU ones.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Md5 } from '../../../src/server/lib/md5.ts'
import { World } from '../../../src/world/index.ts'

/** A line that is run on a host, and what came of it. Only what is given is compared. */
interface Line {
  readonly run: string
  readonly rc?: number
  readonly out?: readonly string[]
  readonly err?: readonly string[]
}
const ok = (run: string, ...out: string[]): Line => ({ run, rc: 0, out, err: [] })
const bad = (run: string, rc: number, ...err: string[]): Line => ({ run, rc, err, out: [] })

const session = (lines: readonly Line[]): void => {
  const h = new World().host('h0')
  for (const { run, ...want } of lines) {
    const { rc, out, err } = h.cli(run)
    const got = { rc, out, err }
    expect({ run, ...Object.fromEntries(Object.keys(want).map(k => [k, got[k as 'rc']])) }).toEqual({ run, ...want })
  }
}

const CASES: Readonly<Record<string, readonly Line[]>> = {
  'mkdir, touch, ls, rmdir, rm': [
    ok('mkdir /tmp/d'),
    bad('mkdir /tmp/d', 1, "mkdir: cannot create directory '/tmp/d': File exists"),
    bad('mkdir /tmp/no/d', 1, "mkdir: cannot create directory '/tmp/no/d': No such file or directory"),
    ok('mkdir -p /tmp/d/e/f /tmp/d'),
    ok('mkdir -m 2700 /tmp/d/m'),
    ok('stat -c %a:%n /tmp/d/m', '2700:/tmp/d/m'),
    bad('mkdir -m rwx /tmp/z', 1, "mkdir: invalid mode: 'rwx', expected an octal number"),
    { run: 'mkdir', rc: 1, err: ['mkdir: missing operand', 'usage: mkdir [-p] [-m MODE] DIR...'] },
    { run: 'mkdir -q x', rc: 1, err: ["mkdir: invalid option -- 'q'", 'usage: mkdir [-p] [-m MODE] DIR...'] },
    ok('mkdir --help', 'usage: mkdir [-p] [-m MODE] DIR...'),
    ok('touch /tmp/d/a /tmp/d/.hidden'),
    ok('touch -c /tmp/d/none'),
    ok('touch /tmp/d'),
    bad('touch /tmp/no/a', 1, "touch: cannot touch '/tmp/no/a': No such file or directory"),
    ok('ls /tmp/d', 'a', 'e', 'm'),
    ok('ls -a /tmp/d', '.', '..', '.hidden', 'a', 'e', 'm'),
    ok('ls -R /tmp/d/e', '/tmp/d/e:', 'f', '', '/tmp/d/e/f:'),
    ok('ls -d /tmp/d', '/tmp/d'),
    ok('ls /tmp/d/a /tmp/d/e', '/tmp/d/a', '', '/tmp/d/e:', 'f'),
    bad('ls /tmp/none', 2, "ls: cannot access '/tmp/none': No such file or directory"),
    bad('rmdir /tmp/d', 1, "rmdir: failed to remove '/tmp/d': Directory not empty"),
    bad('rmdir /tmp/d/a', 1, "rmdir: failed to remove '/tmp/d/a': Not a directory"),
    bad('rm /tmp/d', 1, "rm: cannot remove '/tmp/d': Is a directory"),
    bad('rm /tmp/none', 1, "rm: cannot remove '/tmp/none': No such file or directory"),
    bad('rm -r /', 1, "rm: refusing to remove '.', '..' or '/': skipping '/'"),
    ok('rm -f /tmp/none'),
    ok('rm -f'),
    ok('rm -r /tmp/d'),
    ok('ls /tmp'),
  ],
  'ls -l and stat': [
    ok('mkdir /tmp/d'),
    ok('dd if=/dev/zero of=/tmp/d/file bs=5000 count=1 status=none'),
    ok('chmod 4640 /tmp/d/file'),
    ok('chown 5:6 /tmp/d/file'),
    ok('ln -s file /tmp/d/link'),
    ok('mknod /tmp/d/null c 1 3'),
    {
      run: 'ls -l /tmp/d',
      rc: 0,
      out: [
        'total 8',
        expect.stringMatching(/^-rw-r----- 1 5 {4}6 {4}5000 \d+\.\d{6} file$/) as unknown as string,
        expect.stringMatching(/^lrwxrwxrwx 1 root root {4}4 \d+\.\d{6} link -> file$/) as unknown as string,
        expect.stringMatching(/^crw-r--r-- 1 root root 1, 3 \d+\.\d{6} null$/) as unknown as string,
      ],
    },
    ok('stat -c %A,%s,%F,%h /tmp/d/file /tmp/d/link', '-rw-r-----,5000,regular file,1', 'lrwxrwxrwx,4,symbolic link,1'),
    ok('stat -L -c %s:%F /tmp/d/link', '5000:regular file'),
    ok('stat -c %t,%T,%% /tmp/d/null', '1,3,%'),
    bad('stat /tmp/none', 1, "stat: cannot statx '/tmp/none': No such file or directory"),
  ],
  'dd, cat, head, wc, cmp, md5sum': [
    ok('dd if=/etc/passwd of=/tmp/p status=none'),
    ok('cat /tmp/p /tmp/p', 'root:x:0:0:root:/root:/bin/sh', 'root:x:0:0:root:/root:/bin/sh'),
    ok('head -c 4 /tmp/p', 'root'),
    bad('head -c x /tmp/p', 1, "head: invalid number of bytes: 'x'"),
    ok('wc -c /tmp/p', '30 /tmp/p'),
    ok('cmp /tmp/p /etc/passwd'),
    ok('md5sum /tmp/p', `${createHash('md5').update('root:x:0:0:root:/root:/bin/sh\n').digest('hex')}  /tmp/p`),
    {
      run: 'dd if=/dev/zero of=/tmp/p bs=4 seek=1 count=2 conv=notrunc',
      rc: 0,
      out: [],
      err: [
        '2+0 records in',
        '2+0 records out',
        expect.stringMatching(/^8 bytes copied, 0\.\d{6} s$/) as unknown as string,
      ],
    },
    { run: 'cmp /tmp/p /etc/passwd', rc: 1, out: ['/tmp/p /etc/passwd differ: byte 5, line 1'] },
    ok('dd if=/etc/passwd of=/tmp/q bs=5 skip=1 count=3 status=none'),
    ok('cat /tmp/q', 'x:0:0:root:/roo'),
    ok('dd if=/dev/zero of=/tmp/q bs=1 seek=4 count=1 status=none'),
    ok('wc -c /tmp/q', '5 /tmp/q'),
    bad('cmp /tmp/q /tmp/none', 2, 'cmp: /tmp/none: No such file or directory'),
    ok('dd if=/dev/null of=/tmp/empty status=none'),
    bad('cmp /tmp/q /tmp/empty', 1, 'cmp: EOF on /tmp/empty after byte 0'),
    ok('md5sum /tmp/empty', 'd41d8cd98f00b204e9800998ecf8427e  /tmp/empty'),
    bad('cat /tmp/none', 1, 'cat: /tmp/none: No such file or directory'),
    bad('cat /tmp', 1, 'cat: /tmp: Is a directory'),
    bad('dd if=/tmp/none', 1, "dd: failed to open '/tmp/none': No such file or directory"),
    bad('dd if=/etc/passwd of=/tmp', 1, "dd: failed to open '/tmp': Is a directory"),
    bad('dd if=/etc/passwd bs=0', 1, "dd: invalid number: '0'"),
    bad('dd bogus=1', 1, "dd: unrecognized operand 'bogus=1'"),
    bad('dd of=/tmp/x', 1, 'dd: no if=FILE: there is no standard input here'),
    bad('dd if=/etc/passwd conv=ebcdic', 1, "dd: invalid conversion: 'ebcdic'"),
  ],
  'cp, mv, ln': [
    ok('mkdir -p /tmp/d/e'),
    ok('cp /etc/passwd /tmp/d'),
    ok('cmp /etc/passwd /tmp/d/passwd'),
    bad('cp /tmp/d/passwd /tmp/d', 1, "cp: '/tmp/d/passwd' and '/tmp/d/passwd' are the same file"),
    ok('cp /etc/hosts /tmp/d/passwd'),
    ok('cmp /etc/hosts /tmp/d/passwd'),
    bad('cp /tmp/d /tmp/f', 1, "cp: -r not specified; omitting directory '/tmp/d'"),
    ok('ln -s passwd /tmp/d/l'),
    ok('cp -r /tmp/d /tmp/f'),
    ok('ls -R /tmp/f', '/tmp/f:', 'e', 'l', 'passwd', '', '/tmp/f/e:'),
    bad('cp /tmp/none /tmp/f', 1, "cp: cannot stat '/tmp/none': No such file or directory"),
    bad('cp /etc/hosts /etc/passwd /tmp/none', 1, "cp: target '/tmp/none': No such file or directory"),
    bad('cp /etc/hosts /tmp/no/x', 1, "cp: cannot create regular file '/tmp/no/x': No such file or directory"),
    ok('mv /tmp/f/passwd /tmp/f/hosts'),
    ok('mv /tmp/f/hosts /tmp/f/l /tmp/f/e'),
    ok('ls /tmp/f/e', 'hosts', 'l'),
    bad('mv /tmp/none /tmp/f', 1, "mv: cannot stat '/tmp/none': No such file or directory"),
    bad('mv /tmp/f /tmp/f/e/g', 1, "mv: cannot move '/tmp/f' to '/tmp/f/e/g': Invalid argument"),
    ok('ln /tmp/f/e/hosts /tmp/f/e/more'),
    ok('stat -c %h /tmp/f/e/more', '2'),
    bad(
      'ln /tmp/f/e/hosts /tmp/f/e/more',
      1,
      "ln: failed to create hard link '/tmp/f/e/more' => '/tmp/f/e/hosts': File exists",
    ),
    bad('ln -s x /tmp/f/e/more', 1, "ln: failed to create symbolic link '/tmp/f/e/more': File exists"),
  ],
  attributes: [
    ok('truncate -s 1K /tmp/f'),
    ok('wc -c /tmp/f', '1024 /tmp/f'),
    bad('truncate /tmp/f', 1, "truncate: you must specify '-s'"),
    bad('truncate -s 1 /tmp', 1, "truncate: cannot open '/tmp' for writing: Is a directory"),
    ok('fallocate -l 8K /tmp/f'),
    ok('wc -c /tmp/f', '8192 /tmp/f'),
    bad('fallocate -l 0 /tmp/f', 1, 'fallocate: expected a length: -l LENGTH'),
    bad('chmod 600 /tmp/none', 1, "chmod: changing permissions of '/tmp/none': No such file or directory"),
    bad('chown games /tmp/f', 1, "chown: invalid user: 'games', expected numbers"),
    ok('setfattr -n user.a -v one /tmp/f'),
    ok('setfattr -n user.b /tmp/f'),
    ok('getfattr -d /tmp/f', '# file: tmp/f', 'user.a="one"', 'user.b=""'),
    ok('getfattr -n user.a /tmp/f', '# file: tmp/f', 'user.a="one"'),
    ok('setfattr -x user.a /tmp/f'),
    bad('getfattr -n user.a /tmp/f', 1, 'getfattr: /tmp/f: No data available'),
    bad('setfattr -n bogus.a -v 1 /tmp/f', 1, 'setfattr: /tmp/f: Operation not supported'),
    ok('mknod /tmp/fifo p'),
    bad('mknod /tmp/fifo p', 1, 'mknod: /tmp/fifo: File exists'),
    bad('mknod /tmp/x c 1', 1, "mknod: 'c 1': expected b or c with a major and a minor number, or p alone"),
  ],
  'processes, locks and mounts': [
    ok('echo one  two "three  four"', 'one two three  four'),
    ok('sync'),
    ok('sleep 0.5'),
    bad('sleep soon', 1, "sleep: invalid time interval 'soon'"),
    bad('kill 99999', 1, 'kill: (99999): No such process'),
    bad('kill -BOGUS 1', 1, 'kill: BOGUS: invalid signal specification'),
    bad('kill -9 x', 1, 'kill: x: expected a process id; see ps'),
    bad('pkill nobody', 1),
    {
      run: 'ps',
      rc: 0,
      out: [
        '    PID CMD',
        expect.stringMatching(/ sh$/) as unknown as string,
        expect.stringMatching(/ ps$/) as unknown as string,
      ],
    },
    { run: 'pkill -9 pkill', rc: 137 },
    ok('flock /tmp/l echo got it', 'got it'),
    bad('flock -x /tmp/l flock -n -x /tmp/l echo no', 1),
    bad('flock /tmp/no/l echo', 66, 'flock: cannot open lock file /tmp/no/l: No such file or directory'),
    { run: 'flock /tmp/l nothing', rc: 127, err: ['nothing: command not found'] },
    ok('df /tmp', 'Filesystem 1K-blocks Used Available Use% Mounted on', 'tmpfs       12000000    0  12000000   0% /'),
    bad('df /none', 1, 'df: /none: No such file or directory'),
    bad('umount /tmp', 32, 'umount: /tmp: not mounted.'),
    bad('umount /none', 32, 'umount: /none: No such file or directory'),
  ],
}

describe('small tools', () => {
  it.each(Object.entries(CASES))('%s', (_name, lines) => session(lines))

  it('flock waits for the holder', () => {
    const w = new World()
    const h = w.host('h0')
    const got: string[] = []
    for (const [name, at] of [
      ['a', 0],
      ['b', 1000],
    ] as const)
      h.app(
        name,
        function* (sys) {
          const end = yield* h.sh(sys, 'flock /tmp/l sleep 1')
          got.push(`${name} ${end.rc} ${sys.clock() > 2e9 ? 'second' : 'first'}`)
        },
        { at },
      )
    expect(w.run().problems).toEqual([])
    expect(got).toEqual(['a 0 first', 'b 0 second'])
  })
})

it('md5 of any bytes in any pieces', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), pieces => {
      const sum = new Md5()
      for (const p of pieces) sum.update(p)
      expect(sum.hex()).toBe(createHash('md5').update(Buffer.concat(pieces)).digest('hex'))
    }),
  )
})
