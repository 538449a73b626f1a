// The catalogue of known defects of famfs user space (userspace.md i.1): what the programs of the profile `famfs-48` do, and
// those of `fixed` do not.
import type { Defect } from './defects.ts'

const FAMFS_48 = { kernels: [], servers: ['famfs-48'] } as const

export const SERVER_DEFECTS: readonly Defect[] = [
  {
    id: 'Q1',
    story:
      'flock has no owner: a second taker of a held file gets EINVAL instead of waiting, and any close lets the lock go',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q2',
    story: 'flock with LOCK_NB says that it has the lock and locks nothing',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q3',
    story: 'setting a size other than 0 through the daemon kills it: its log line takes the size for a string',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q4',
    story:
      'a log play that fails keeps .meta/.superblock open, so the mount cannot undo itself: exit 99, still mounted',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q5',
    story: 'an unlimited search for room measures what is left from the wrong end, so a file may run past the device',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q6',
    story: 'a strided allocation that fails after more than 16 buckets gives back strips it never had: abort',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q7',
    story: 'strip counts of 0 and over 16 go unchecked below the command line: division by zero, heap overrun',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q8',
    story:
      'strips in GET_FMAP are written as another struct, so a device index other than 0 arrives shifted by 16 bits',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q9',
    story: 'each thread of a copy flushes from the start of the file instead of its own piece',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q10',
    story: 'a what-if: built with optimisation, CLWB takes a fixed register and writes back some other line',
    mark: 'source',
    kernels: [],
    servers: [],
  },
  {
    id: 'Q11',
    story: 'log play checks a bad entry again in the copy it made before it invalidated the entry',
    mark: 'source',
    ...FAMFS_48,
  },
  {
    id: 'Q12',
    story: 'a recursive copy gives every file the mode of its directory',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q13',
    story: "log play follows '..' out of the tree, and makes a file of the first directory that is missing",
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q14',
    story: "a file of 79 bytes of path or more aborts the command; a directory's path is cut in the log",
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q15',
    story: 'a doubled slash aborts creat after it made the shadow file',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q16',
    story: 'counts, lengths and offsets in the log are trusted: over-reads, aborts and faults instead of a message',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q17',
    story: 'fsck counts bad entries and still exits with 0',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q18',
    story: 'a log whose index and sequence number went apart is appended to as it is',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q19',
    story: 'entries are appended behind one that no log play will pass',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q20',
    story: 'an abort in a dummy mount leaves it mounted, and the device blocked',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q21',
    story: 'options that print the usage and exit with 0, or crash: mkfs -v, logplay -s and -S, pcq -P',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q22',
    story: 'mkfs -k without -f makes a file system where there is none',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q23',
    story: 'a size suffix that is none counts as 1: 10T is 10 bytes',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q24',
    story: 'fsck -B counts what is in use twice, the largest fragment as all that is free and the smallest as none',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q25',
    story: 'pcq --create fails and exits with 0, and takes buckets smaller than their own header',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q26',
    story: '.alloc.cfg in a fuse mount is taken for a file of the shadow tree, found broken and ignored',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q27',
    story: 'files may be created below .meta, and then no fresh tree can play the log',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q28',
    story: 'a client may write to files that the owner made',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q29',
    story: 'a shadow file that does not parse is no such file, and shows as a name without attributes',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q30',
    story: "statfs answers with the numbers of the tree's own file system",
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q31',
    story: 'temporary directories of mounts and dummy mounts stay behind',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q32',
    story: "the log's lock is let go before the threads of a copy have ended",
    mark: 'source',
    ...FAMFS_48,
  },
  {
    id: 'Q33',
    story: 'every flock call keeps a reference to its inode, and node numbers are taken as they come',
    mark: 'source',
    ...FAMFS_48,
  },
  {
    id: 'Q34',
    story: 'a mount is looked for by the word famfs in its line of /proc/mounts: under another path it is not seen',
    mark: 'measured',
    ...FAMFS_48,
  },
  {
    id: 'Q35',
    story: 'a shadow directory in use is not noticed',
    mark: 'source',
    ...FAMFS_48,
  },
  {
    id: 'Q36',
    story: 'the superblock of a mount is never invalidated, so a client may go on with an old one',
    mark: 'source',
    ...FAMFS_48,
  },
  {
    id: 'Q37',
    story: 'an append is flushed from low to high addresses: the header may be there before its entry',
    mark: 'source',
    ...FAMFS_48,
  },
  {
    id: 'Q38',
    story: 'a file is made in the tree before it is logged: when the log is full a ghost stays',
    mark: 'source',
    ...FAMFS_48,
  },
  {
    id: 'Q39',
    story: 'a file too small to interleave sends the search for room back to the start',
    mark: 'source',
    ...FAMFS_48,
  },
  {
    id: 'Q40',
    story: 'GET_FMAP calls superblock and log ordinary files',
    mark: 'source',
    ...FAMFS_48,
  },
  {
    id: 'Q41',
    story:
      'a pcq consumer looks again only when the crc is wrong: a bucket still cached from the round before ends it, as out of sequence',
    mark: 'inferred',
    ...FAMFS_48,
  },
]
