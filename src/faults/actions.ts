// What can go wrong, as data: makers that scenarios call, and each action in a few words.

/** A page that is said to be bad, or bytes that are. Offset and length in bytes of the device. */
export interface Poison {
  readonly do: 'poison'
  readonly device: string
  readonly offset: number
  /** software: the page that holds the offset; hardware: a line unless told otherwise. */
  readonly len?: number
  /** software, the default: hosts are told and the bytes stay good (MADV_HWPOISON, hwpoison/corrupt-pfn). hardware: the bytes are lost. */
  readonly how?: 'software' | 'hardware'
  /** Who is told at once; software: all hosts unless named, hardware: none, they find out. */
  readonly hosts?: readonly string[]
}
/** The patrol scrubber of the memory comes by and reports what is bad. */
export interface Patrol {
  readonly do: 'patrol'
  readonly device: string
  /** Who hears of it; a choice unless named. */
  readonly hosts?: readonly string[]
}
/** A device tool clears poison: the lines are sound again and hold zeros. */
export interface ClearPoison {
  readonly do: 'clear poison'
  readonly device: string
  readonly offset: number
  readonly len: number
}
/** The way of these hosts (default: all) to a device times out: every access fails after `ns`. 0: it is good again. */
export interface AccessTimeout {
  readonly do: 'access timeout'
  readonly device: string
  readonly ns: number
  readonly hosts?: readonly string[]
}
/** A memory loses its power and gets it back: all it held is lost. */
export interface PowerLoss {
  readonly do: 'power loss'
  readonly device: string
}
/** A host loses its power: its tasks and what its caches held are gone. The memory is not. */
export interface CrashHost {
  readonly do: 'crash'
  readonly host: string
}
/** The n-th allocation from then on (of this name, on these hosts) fails, on each host by its own count. */
export interface FailAlloc {
  readonly do: 'fail allocation'
  readonly nth: number
  readonly name?: string
  readonly hosts?: readonly string[]
}
/** The task that made the event is preempted and goes on so much later. Means nothing under the policy `free`. */
export interface Delay {
  readonly do: 'delay'
  readonly ns: number
}
export type MemoryAction = Poison | Patrol | ClearPoison | AccessTimeout | PowerLoss
export type Action = MemoryAction | CrashHost | Delay | FailAlloc

/**
 * The 4 KiB page at a byte offset of a device is bad. With `how: 'hardware'` the bytes are lost, as many as `len` says (a line
 * of 64 at least), and a host finds out when it reads them.
 */
export const poison = (
  device: string,
  offset: number,
  o: { how?: Poison['how']; len?: number; hosts?: readonly string[] } = {},
): Action => ({ do: 'poison', device, offset, ...o })

/** The patrol scrubber reports what is bad: to no host, to all, or to one, which is a choice unless hosts are named. */
export const patrol = (device: string, o: { hosts?: readonly string[] } = {}): Action => ({
  do: 'patrol',
  device,
  ...o,
})

/** A device tool clears what is poisoned in a range. Hosts are not told, and what they were told stays with them. */
export const clearPoison = (device: string, offset: number, len: number): Action => ({
  do: 'clear poison',
  device,
  offset,
  len,
})

/** Every access of these hosts fails after `ns`; 0 ends that. */
export const accessTimeout = (device: string, o: { ns: number; hosts?: readonly string[] }): Action => ({
  do: 'access timeout',
  device,
  ...o,
})

/** The memory loses its power for a moment, and with it all it held. */
export const powerLoss = (device: string): Action => ({ do: 'power loss', device })

/** The host stops where it is. */
export const crashHost = (host: string): Action => ({ do: 'crash', host })

/** The task that made the event of the trigger goes on `ns` later: what others do meanwhile falls between its two steps. */
export const delay = (ns: number): Action => ({ do: 'delay', ns })

/** Let the n-th allocation of kernel memory fail: the first unless told otherwise, of any name unless one is given. */
export const failAlloc = (o: { nth?: number; name?: string; hosts?: readonly string[] } = {}): Action => ({
  do: 'fail allocation',
  nth: o.nth ?? 1,
  name: o.name,
  hosts: o.hosts,
})

/** An action in a few words. */
export const actionText = (a: Action): string => {
  switch (a.do) {
    case 'poison':
      return `poison of ${a.device}`
    case 'patrol':
      return `patrol of ${a.device}`
    case 'clear poison':
      return `clearing poison of ${a.device}`
    case 'access timeout':
      return `${a.ns === 0 ? 'end of ' : ''}timeouts of ${a.device}`
    case 'power loss':
      return `power loss of ${a.device}`
    case 'crash':
      return `crash of ${a.host}`
    case 'delay':
      return `delay of ${a.ns} ns`
    case 'fail allocation':
      return `failing allocation ${a.nth}${a.name === undefined ? '' : ` of ${a.name}`}`
  }
}
