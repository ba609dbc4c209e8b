import type { ApiStanding } from '../../shared/api/api'
import type { ModuleView } from '../../shared/model/modules'
import type { Caller } from '../console/operations'
import type { RouteFacts } from '../core/routing/route'

/** A system as the documents of this side say. */
export interface ApiSystem {
  readonly id: string
  readonly name: string
  /** Null: the master's own. */
  readonly edgeId: string | null
  readonly modules: readonly { readonly id: string; readonly name: string }[]
}

/** What roles offer to the client API beside their operations. */
export interface ApiSite {
  systems(): readonly ApiSystem[]
  system(id: string): ApiSystem | null
  standing(system: ApiSystem): { readonly facts: RouteFacts; readonly told: ApiStanding }
  /** From whoever drives, asked over the link where it is the other side. Rejects with `HoldfastError`. */
  views(system: ApiSystem): Promise<readonly ModuleView[]>
}

/** Who a token is; null: nobody. What it may is the caller's `role`, at each moment. */
export type TokenBearer = (token: string) => Caller | null
