// Properties of a world: always, sometimes, eventually.
import type { World } from './world.ts'

export type Property =
  | { readonly kind: 'always' | 'eventually'; readonly name: string; readonly holds: (w: World) => boolean }
  | { readonly kind: 'sometimes'; readonly name: string; readonly holds: (w: World) => boolean; reached: boolean }
