import type { AlertIncident } from '../../shared/console/alert-views'
import { operations, type OperationName } from '../../shared/console/contract'
import { forOwnAdmins, lacksRole, mayAt } from '../../shared/console/permission'
import type { AlertWatch } from '../../shared/model/alerts'
import type { EdgeDocument } from '../../shared/model/documents'
import { HoldfastError, type Failure } from '../../shared/model/failures'
import type { Silence } from '../alerts/alerts'
import type { Caller } from '../console/operations'
import type { AlertRule } from '../core/alerts/alert-rule'
import type { Journal } from '../journal/journal'

export type SilenceMatcher = Pick<Silence, 'ruleId' | 'edgeId' | 'series' | 'edgeIds'>
/** Whom it is about; null: no edge (any more), as with nodes. */
type Concerned = Pick<EdgeDocument, 'name' | 'admins'> | null

const ofNodes: ReadonlySet<AlertWatch> = new Set(['node-offline', 'host-key-changed'])

/** Whose alerts somebody may answer for: at an edge with admins of its own these alone, besides administrators. */
export class AlertAuthority {
  readonly #journal: Pick<Journal, 'get' | 'list'>
  readonly #rules: () => readonly AlertRule[]

  constructor(journal: Pick<Journal, 'get' | 'list'>, rules: () => readonly AlertRule[]) {
    this.#journal = journal
    this.#rules = rules
  }

  /** Those that the caller may answer for, and why not the others; null: there are no others. */
  allowed<A extends Pick<AlertIncident, 'edgeId'>>(
    name: OperationName,
    alerts: readonly A[],
    caller: Caller,
  ): { allowed: A[]; barred: Failure | null } {
    const byEdge = new Map<string, Concerned>()
    for (const { edgeId } of alerts) if (!byEdge.has(edgeId)) byEdge.set(edgeId, this.#edge(edgeId))
    const mayBe = (edge: Concerned) => mayAt(caller, operations[name].role, edge?.admins ?? [])
    return {
      allowed: alerts.filter(({ edgeId }) => mayBe(byEdge.get(edgeId) ?? null)),
      barred: this.#barred(name, [...byEdge.values()], caller),
    }
  }

  /** Throws `forbidden` unless the caller may at every edge where this keeps something quiet, now or later. */
  requireSilence(name: OperationName, matcher: SilenceMatcher, caller: Caller): void {
    if (caller.role === 'admin') return
    const barred = this.#barred(name, this.#coveredBy(matcher), caller)
    if (barred !== null) throw forbidden(barred)
  }

  #barred(name: OperationName, edges: readonly Concerned[], caller: Caller): Failure | null {
    const { role } = operations[name]
    const closed = edges.filter((edge) => !mayAt(caller, role, edge?.admins ?? []))
    if (closed.length === 0) return null
    const names = closed.flatMap((edge) => (edge !== null && edge.admins.length > 0 ? [edge.name] : []))
    return names.length > 0 ? forOwnAdmins(name, names) : lacksRole(name, role, caller.role)
  }

  /** What names no edge is about those without edge as well, and about edges that are yet to come. */
  #coveredBy({ ruleId, edgeId, edgeIds }: SilenceMatcher): readonly Concerned[] {
    if (edgeId !== null) return [this.#edge(edgeId)]
    if (edgeIds !== null) return edgeIds.map((id) => this.#edge(id))
    const rule = this.#rules().find(({ document }) => document.id === ruleId)?.document
    if (rule !== undefined && ofNodes.has(rule.watch)) return [null]
    if (rule !== undefined && rule.edges.length > 0) return rule.edges.map((id) => this.#edge(id))
    return [null, ...this.#journal.list('edge').map(({ body }) => body)]
  }

  #edge(id: string): Concerned {
    return this.#journal.get('edge', id)?.body ?? null
  }
}

export const forbidden = ({ code, message, hint }: Failure): HoldfastError =>
  new HoldfastError(code, message, hint === undefined ? {} : { hint })
