import type { NodeSort, NodeView } from '../../shared/console/node-operations'
import type { CheckConfig, KeyFacts, NodeCheck, NodeSaid, NodeStatus } from '../../shared/model/fleet'
import type { WallMs } from '../../shared/model/time'
import type { Span } from '../core/uptime/bar'

/** A node as it is kept: what people say of it, and what the last look found. */
export type KeptNode = Omit<NodeView, 'isLocal'>

export interface NodeQuery {
  readonly ids?: readonly string[] | undefined
  readonly statuses?: readonly NodeStatus[] | undefined
  readonly text?: string | undefined
  readonly tag?: string | undefined
  readonly sort: NodeSort
  readonly isDescending: boolean
  readonly offset: number
  readonly limit: number
}

/** What a look found. Left out when the node was changed by a person or removed since the look began. */
export interface Finding {
  readonly nodeId: string
  /** Of the node that was looked at. */
  readonly revision: number
  readonly at: WallMs
  /** When the next look is due, from this one on. */
  readonly everyMs: number
  /** Null: it is paused, and nobody looked. */
  readonly check: NodeCheck | null
  readonly isReached: boolean
  /** Shown instead of the pinned one; null: the pinned one was shown; undefined: none was. */
  readonly offered?: KeyFacts | null
}

/** As much of a node as alerts look at. */
export interface NodeFacts extends Pick<
  KeptNode,
  'id' | 'tags' | 'status' | 'statusSince' | 'failures' | 'offeredHostKey' | 'offeredCertificate'
> {
  /** Of the last check. */
  readonly cause: string | null
  readonly said: NodeSaid | null
}

/** Nodes, their checks and the spans of their bars, durable. Every method throws `HoldfastError('storage')`. */
export interface NodeStore extends AsyncDisposable {
  config(): CheckConfig
  saveConfig(config: CheckConfig): void
  /** `total`: of all that pass the filter. */
  list(query: NodeQuery): { readonly nodes: readonly KeptNode[]; readonly total: number }
  totals(): Record<NodeStatus, number>
  /** By id, else by name, whatever its case. */
  node(reference: string): KeptNode | null
  /** Null: of all nodes. Ids that are not found are left out. */
  facts(ids: readonly string[] | null): readonly NodeFacts[]
  nameOf(id: string): string | null
  /** All nodes, those first whose last check is the longest ago. */
  ids(): readonly string[]
  count(): number
  /** Throws `HoldfastError('conflict')` when the name is taken. */
  add(node: KeptNode): void
  /** What a person may change, the pinned key, and the status with it; never what a look found meanwhile. Throws `conflict` like `add`. */
  save(node: KeptNode): void
  remove(id: string): void
  /** One transaction. Old checks and spans of the same nodes go in it: what is kept never outgrows its limits, however many nodes there are. */
  record(findings: readonly Finding[]): void
  /** Newest first. */
  history(id: string, options: { limit: number; since: WallMs }): readonly NodeCheck[]
  /** In order, those that end after `since`. */
  spans(id: string, since: WallMs): readonly Span[]
  /** What was found last and holds no longer is `unknown` from now on. True: there was any. */
  expire(now: WallMs): boolean
  /** Own keys of nodes, and how many have each. */
  ownKeys(): readonly { readonly name: string; readonly key: KeyFacts | null; readonly nodes: number }[]
  /** How many nodes log in with each key of the folder. */
  folderKeyUses(): ReadonlyMap<string, number>
}
