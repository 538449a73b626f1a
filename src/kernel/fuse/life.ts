// Life of a FUSE connection, as a machine worth drawing (xstate definition; compiled to a table inside a world).
import type { LifecycleConfig } from '../../sim/index.ts'

export type ConnState = 'mounted' | 'connected' | 'refused' | 'aborted'
export type ConnEvent = 'INIT_REPLY' | 'INIT_ERROR' | 'ABORT'

export const connectionLife: LifecycleConfig<ConnState, ConnEvent> = {
  id: 'fuse_conn',
  initial: 'mounted',
  states: {
    /** INIT is out; every other request waits. */
    mounted: { on: { INIT_REPLY: 'connected', INIT_ERROR: 'refused', ABORT: 'aborted' } },
    connected: { on: { ABORT: 'aborted' } },
    /** INIT failed, or the server is of another major version: ECONNREFUSED. */
    refused: { on: { ABORT: 'aborted' } },
    /** Nothing goes to the server any more: ENOTCONN. */
    aborted: { type: 'final' },
  },
}
