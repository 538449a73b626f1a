// Life of a FUSE connection, as a machine worth drawing (xstate definition; compiled to a table inside a world).
import type { LifecycleConfig } from '../../sim/index.ts'

export type ConnState = 'mounted' | 'connected' | 'aborted'
export type ConnEvent = 'INIT_REPLY' | 'ABORT'

export const connectionLife: LifecycleConfig<ConnState, ConnEvent> = {
  id: 'fuse_conn',
  initial: 'mounted',
  states: {
    /** INIT is out; every other request waits. */
    mounted: { on: { INIT_REPLY: 'connected', ABORT: 'aborted' } },
    connected: { on: { ABORT: 'aborted' } },
    /** Nothing goes to the server any more: ENOTCONN. */
    aborted: { type: 'final' },
  },
}
