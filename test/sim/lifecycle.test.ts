import { describe, expect, it } from 'vitest'
import { type AnyMachineSnapshot, createMachine } from 'xstate'
import { adjacencyMapToArray, getAdjacencyMap, getShortestPaths } from 'xstate/graph'
import { bindingLife, daxModes } from '../../src/devdax/index.ts'
import { connectionLife } from '../../src/kernel/index.ts'
import { InvariantError, Lifecycle, type LifecycleConfig, Machine } from '../../src/sim/index.ts'

type Life = LifecycleConfig<string, string>

/** A door with a lock, and an end: loops, several ways, an event that means something in one state only. */
const door: Life = {
  id: 'door',
  initial: 'closed',
  states: {
    closed: { on: { OPEN: 'open', LOCK: 'locked', KICK: 'broken' } },
    open: { on: { CLOSE: 'closed', KICK: 'broken' } },
    locked: { on: { UNLOCK: 'closed', KICK: 'locked' } },
    broken: { type: 'final' },
  },
}
const lives: [string, Life][] = [
  ['fuse_conn', connectionLife as Life],
  ['dev_dax', bindingLife as Life],
  ['mode of a dax device', daxModes as Life],
  ['door', door],
]

const eventsOf = (life: Life): string[] => [
  ...new Set(Object.values(life.states).flatMap(s => Object.keys(s.on ?? {}))),
]
const machineOf = (life: Life) => createMachine(structuredClone(life) as Parameters<typeof createMachine>[0])
const stateOf = (s: AnyMachineSnapshot): string => s.value as string
/** What xstate says: state x event to state, for the states that can be reached. */
const table = (life: Life): [string, string, string][] => {
  const map = getAdjacencyMap(machineOf(life), { events: eventsOf(life).map(type => ({ type })) })
  return adjacencyMapToArray(map).map(t => [stateOf(t.state), t.event.type, stateOf(t.nextState)])
}
/** A life brought to a state by the shortest way xstate knows. */
const broughtTo = (life: Life, state: string): Lifecycle<string, string> => {
  const path = getShortestPaths(machineOf(life)).find(p => stateOf(p.state) === state)
  if (path === undefined) throw new Error(`${state} can't be reached`)
  const l = new Lifecycle(new Machine(), life)
  for (const s of path.steps) if (s.event.type !== 'xstate.init') expect(l.send(s.event.type)).toBe(true)
  expect(l.state).toBe(state)
  return l
}

/** Where ours and xstate part, as `state EVENT`. `ours` is the definition that is compiled, `life` what xstate reads. */
const partings = (life: Life, ours = life): string[] => {
  const out: string[] = []
  for (const [from, event, to] of table(life)) {
    const l = broughtTo(life, from)
    if (ours !== life) Reflect.set(l, 'config', ours)
    const means = life.states[from]!.on?.[event] !== undefined
    if (l.can(event) !== means || l.send(event) !== means || l.state !== to) out.push(`${from} ${event}`)
  }
  return out
}

describe.each(lives)('%s', (_, life) => {
  it('every state can be reached, and every pair of state and event is in the table', () => {
    const states = Object.keys(life.states)
    expect(new Set(getShortestPaths(machineOf(life)).map(p => stateOf(p.state)))).toEqual(new Set(states))
    expect(table(life).length).toBe(states.length * eventsOf(life).length)
  })
  it('does what xstate does, in every state for every event', () => {
    expect(partings(life)).toEqual([])
  })
  it('canary: one wrong target is found', () => {
    const wrong = structuredClone(life) as { states: Record<string, { on?: Record<string, string> }> }
    const on = wrong.states[life.initial]!.on!
    const event = Object.keys(on)[0]!
    on[event] = life.initial
    expect(partings(life, wrong as Life)).toEqual([`${life.initial} ${event}`])
  })
  it('rewinds', () => {
    const m = new Machine()
    const l = new Lifecycle(m, life)
    const mark = m.journal.mark()
    for (const event of eventsOf(life)) {
      l.send(event)
      m.journal.rewind(mark)
      expect(l.state).toBe(life.initial)
    }
  })
})

it('starts in one of its states, or not at all', () => {
  expect(() => new Lifecycle(new Machine(), { ...door, initial: 'ajar' })).toThrow(InvariantError)
})
