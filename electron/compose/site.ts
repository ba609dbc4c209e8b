import type { DataTopics, SiteHandlers } from '../console/operations'
import type { Journal } from '../journal/journal'
import type { PortGuest } from '../platform/ports'
import type { AlertsBody } from '../../shared/console/alert-views'
import type { TopicBody, TopicValues } from '../../shared/console/contract'
import type { StatusView } from '../../shared/console/views'
import type { Decision } from '../../shared/model/control'
import type { DebugLine } from '../../shared/model/modules'
import type { SiteClients } from './api'
import type { Parts } from './parts'

/** What the roles of one controller offer to the rest of it. */
export interface Site {
  status(): Omit<StatusView, 'at' | 'startedAt'>
  /** As in the status, which a master of many edges takes long to make. */
  booted(): boolean
  handlers(): SiteHandlers
  subscribeDebug(module: string, listener: (body: { lines: DebugLine[]; dropped: number }) => void): () => void
  /** Absent: an edge, which keeps none. */
  subscribeAlerts?(listener: (body: AlertsBody) => void): () => void
  /** Absent: an edge, which looks at no other machine. */
  subscribeNodes?(params: TopicValues<'nodes'>, listener: (body: TopicBody<'nodes'>) => void): () => void
  /** Absent: an edge, which is a node itself. */
  subscribeFleet?(params: TopicValues<'fleet'>, listener: (body: TopicBody<'fleet'>) => void): () => void
  onDecision(listener: (decision: Decision) => void): () => void
  readonly data: DataTopics
  readonly clients: SiteClients
  /** `guests`: what a port of the link serves besides, where there is one. */
  start(guests: readonly PortGuest[]): Promise<void>
  timeGap(): void
  /** Absent: an edge. It has a copy of the documents, without accounts. */
  readonly journal?: Journal
}

/** Loaded by role: an edge never carries the master's code in memory. */
export async function composeSite(parts: Parts, stack: AsyncDisposableStack): Promise<Site> {
  switch (parts.settings.role) {
    case 'edge':
      return (await import('./edge')).edgeSite(parts, stack)
    case 'master':
      return (await import('./master')).masterSite(parts, stack)
    case 'standalone':
      return (await import('./standalone')).standaloneSite(parts, stack)
  }
}
