import type { Holder } from '../../shared/model/control'

/** Where a side may be killed: the point of this name, when it comes for this time. */
export interface Point {
  readonly name: string
  readonly time: number
}

/** What a side says while it lives. `at` is ms of the machine's monotonic clock; `epoch` null: the gate closed. */
export type Said =
  | { readonly type: 'code'; readonly code: string }
  | { readonly type: 'started'; readonly floor: number }
  | { readonly type: 'disarmed' }
  | ({ readonly type: 'point' } & Point)
  | { readonly type: 'saved'; readonly floor: number; readonly epoch: number; readonly holder: Holder }
  | { readonly type: 'gate'; readonly epoch: number | null; readonly at: number }
  | {
      readonly type: 'state'
      readonly holder: Holder
      readonly epoch: number
      readonly floor: number
      readonly isLinked: boolean
    }
  | { readonly type: 'switched'; readonly outcome: string; readonly epoch: number }
