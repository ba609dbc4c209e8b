import { nodeOfSubject, type AlertEnding, type AlertSaid, type AlertSeverity } from '../../../shared/model/alerts'
import type { AlertRuleDocument } from '../../../shared/model/documents'
import type { MonoMs } from '../../../shared/model/time'
import { appliesTo, choosesNode, compares, isAboutNodes, isSameWatch, type AlertRule } from './alert-rule'
import type { AlertNow, AlertState, Evidence, Incident } from './alert-state'
import { absentEvidence, keyEvidence, lostEvidence, offlineEvidence, valueSaid } from './alert-words'
import { KnownEdges } from './known-edges'
import type {
  AlertSubject,
  BookChange,
  EdgeAlertSeen,
  LogSeen,
  MetricSeen,
  Refusals,
  WatchedEdge,
  WatchedNode,
} from './seen'
import { isSought, labelOf, matches, seriesKeyOf } from './series'
import { SampleWindow } from './sample-window'
import { momentary, Watches, type Watch } from './watches'

/** An edge that was linked for so long and has said nothing of its alert any more has forgotten it, as by a restart. */
export const EDGE_FORGETS_MS = 24 * 3_600_000

/**
 * All alerts of all edges: turns what arrives, links and time into inputs of the machine (`alert.ts`), one for each rule, edge and series. Every call gives the
 * changes in order; nothing is done about them here. What came late is for the caller to leave out, but for alerts of edges.
 */
export class AlertBook {
  #rules: readonly AlertRule[] = []
  readonly #edges = new KnownEdges()
  /** Those that a rule has something to say of, or may have when rules change. */
  readonly #nodes = new Map<string, WatchedNode>()
  readonly #watches: Watches

  /** `watchedMax`: alerts and windows kept at once. */
  constructor(watchedMax?: number) {
    this.#watches = new Watches(watchedMax)
  }

  get rules(): readonly AlertRule[] {
    return this.#rules
  }
  refusedOf(ruleId: string): Refusals | null {
    return this.#watches.refusedOf(ruleId)
  }
  /** Nothing is calm of these. */
  *alerts(): Generator<AlertSubject & { readonly state: AlertState; readonly rule: AlertRuleDocument }> {
    for (const watch of this.#watches.values()) if (watch.state.kind !== 'calm') yield watch
  }
  /** Whether any rule looks at metrics of this name, at logs, at alerts of edges, for this edge. */
  looksAt(what: 'metric' | 'logs' | 'edge-alerts', edgeId: string): readonly AlertRuleDocument[] {
    return this.#rules.flatMap(({ document }) =>
      document.watch === what && appliesTo(document, edgeId) ? [document] : [],
    )
  }
  /** When the next wait is over; null: none runs. */
  wakeAt(): MonoMs | null {
    return this.#watches.wakeAt()
  }

  /** What an earlier process left firing. Rules and edges have been told before; nodes come afterwards. */
  restore(
    open: readonly (AlertSubject & { readonly incident: Incident })[],
    isNode: (subject: string) => boolean,
    now: AlertNow,
  ): BookChange[] {
    for (const { key, ruleId, edgeId, series, incident } of open) {
      const rule = this.#rules.find(({ document }) => document.id === ruleId)?.document
      const subject = { key, ruleId, edgeId, series }
      const isOfNode = nodeOfSubject(edgeId) !== null
      const isGone = isOfNode ? !isNode(edgeId) : this.#edges.get(edgeId) === undefined
      const isOff = rule === undefined || !appliesTo(rule, edgeId)
      const ending: AlertEnding | null = isGone
        ? isOfNode
          ? 'node-removed'
          : 'edge-removed'
        : isOff
          ? 'rule-off'
          : null
      if (rule === undefined || ending !== null) this.#watches.end(subject, incident, ending ?? 'rule-off', now)
      else {
        this.#watches.restore(subject, rule, this.#edges.get(edgeId) ?? null, incident, now)
        // It has been told of its link before it was there.
        if (!isOfNode) this.#edges.lookAgain(edgeId)
      }
    }
    return this.#watches.taken()
  }

  setRules(rules: readonly AlertRule[], now: AlertNow): BookChange[] {
    this.#rules = rules
    const byId = new Map(rules.map(({ document }) => [document.id, document]))
    for (const watch of this.#watches.values()) {
      const rule = byId.get(watch.ruleId)
      if (rule === undefined || !appliesTo(rule, watch.edgeId)) this.#watches.withdraw(watch, 'rule-off', now)
      else if (!isSameWatch(rule, watch.rule)) this.#watches.withdraw(watch, 'rule-changed', now)
      else this.#watches.follow(watch, rule, this.#edges.get(watch.edgeId) ?? null)
    }
    this.#followLinks(this.#edges.all, now)
    for (const node of this.#nodes.values()) this.#followNode(node, now)
    return this.#watches.taken()
  }

  /** All edges there are, as often as anything of them may have changed. One that is the same object as before is as it was, and not looked at. */
  setEdges(edges: readonly WatchedEdge[], now: AlertNow): BookChange[] {
    const turn = this.#edges.tell(edges)
    if (turn === null) return []
    const { looked, before, isAnyGone } = turn
    if (before.size > 0 || isAnyGone) for (const watch of this.#watches.values()) this.#followEdge(watch, before, now)
    this.#followLinks(looked, now)
    return this.#watches.taken()
  }

  /** `before`: how those were that changed. */
  #followEdge(watch: Watch, before: ReadonlyMap<string, WatchedEdge | null>, now: AlertNow): void {
    if (nodeOfSubject(watch.edgeId) !== null) return
    const edge = this.#edges.get(watch.edgeId)
    if (edge === undefined) return this.#watches.withdraw(watch, 'edge-removed', now)
    const was = before.get(edge.id)
    if (was === undefined) return
    if (watch.rule.watch === 'edge-lost') this.#watches.follow(watch, watch.rule, edge)
    const wasLinked = was?.link === 'linked'
    if (wasLinked && edge.link !== 'linked' && !watch.policy.isMomentary && watch.rule.watch !== 'edge-lost')
      this.#watches.input(watch, { type: 'silent' }, now)
  }

  /** Nodes of which something may be otherwise: after a check, a change by a person, or because nobody looked any more. */
  nodes(told: readonly WatchedNode[], now: AlertNow): BookChange[] {
    for (const node of told) {
      this.#followNode(node, now)
      const isOfInterest = node.reach === 'offline' || node.offeredKey !== null
      if (isOfInterest && node.reach !== 'removed') this.#nodes.set(node.id, node)
      else this.#nodes.delete(node.id)
    }
    return this.#watches.taken()
  }

  #followNode(node: WatchedNode, now: AlertNow): void {
    for (const { document: rule } of this.#rules) {
      if (!isAboutNodes(rule) || !rule.enabled) continue
      const known = this.#watches.of(rule.id, node.id)
      if (node.reach === 'removed' || node.reach === 'paused') {
        if (known) this.#watches.withdraw(known, node.reach === 'paused' ? 'paused' : 'node-removed', now)
        continue
      }
      if (!choosesNode(rule, node.tags)) {
        if (known) this.#watches.withdraw(known, 'rule-off', now)
        continue
      }
      const evidence = evidenceOf(rule, node)
      if (evidence !== null) {
        const watch = known ?? this.#watches.wanted(rule, { id: node.id, timeoutMs: 0 }, '', '', now)
        if (watch && watch.state.kind !== 'firing') this.#watches.input(watch, { type: 'met', ...evidence }, now)
      } else if (known) this.#watches.input(known, { type: isUntold(rule, node) ? 'silent' : 'cleared' }, now)
    }
  }

  #followLinks(edges: readonly WatchedEdge[], now: AlertNow): void {
    for (const { document: rule } of this.#rules) {
      if (rule.watch !== 'edge-lost' && rule.watch !== 'absence') continue
      for (const edge of edges) {
        if (!appliesTo(rule, edge.id)) continue
        if (rule.watch === 'edge-lost') this.#followLink(rule, edge, now)
        else this.#followAbsence(rule, edge, now)
      }
    }
  }

  #followLink(rule: AlertRuleDocument, edge: WatchedEdge, now: AlertNow): void {
    if (edge.link === 'lost') {
      const watch = this.#linkWatch(rule, edge, '', now)
      const kind = watch?.state.kind
      if (watch && kind !== 'firing' && kind !== 'pending')
        this.#watches.input(watch, { type: 'met', evidence: lostEvidence(rule), beganAt: edge.since }, now)
    } else if (edge.link !== 'unknown') {
      const watch = this.#watches.of(rule.id, edge.id)
      if (watch) this.#watches.input(watch, { type: 'cleared' }, now)
    }
  }

  /** Where an edge is away something else speaks of it: nothing is absent then. */
  #followAbsence(rule: AlertRuleDocument, edge: WatchedEdge, now: AlertNow): void {
    if (edge.link === 'linked') {
      const watch = this.#linkWatch(rule, edge, rule.metric ?? '', now)
      if (watch) watch.heardAt ??= now.mono
    } else {
      const watch = this.#watches.of(rule.id, edge.id)
      if (watch) watch.heardAt = null
    }
  }

  /** Null: there is no room for it now. There may be later, when nobody speaks of this link any more. */
  #linkWatch(rule: AlertRuleDocument, edge: WatchedEdge, series: string, now: AlertNow): Watch | null {
    const watch = this.#watches.wanted(rule, edge, '', series, now)
    if (watch === null) this.#edges.lookAgain(edge.id)
    return watch
  }

  /** Something live came of this edge. */
  heard(edgeId: string, now: AlertNow): BookChange[] {
    for (const { document: rule } of this.#rules)
      if (rule.watch === 'absence' && rule.metric === undefined) this.#isThere(rule, edgeId, now)
    return this.#watches.taken()
  }

  metric(edgeId: string, metric: MetricSeen, now: AlertNow): BookChange[] {
    const edge = this.#edges.get(edgeId)
    if (edge === undefined) return []
    for (const { document: rule } of this.#rules) {
      if (rule.metric !== metric.name || !appliesTo(rule, edgeId)) continue
      // Of one entry the values are in no order; of several the later one is the later value, whatever the edge's calendar says.
      const points = [...metric.points].sort((a, b) => a.at - b.at)
      for (const { attributes, value } of points) {
        if (!matches(rule.where, metric.resource, attributes)) continue
        if (rule.watch === 'absence') this.#isThere(rule, edgeId, now)
        else if (rule.watch === 'metric')
          this.#value(
            rule,
            edge,
            seriesKeyOf(metric.resource, attributes),
            labelOf(metric.name, attributes),
            value,
            now,
          )
      }
    }
    return this.#watches.taken()
  }

  #value(rule: AlertRuleDocument, edge: WatchedEdge, series: string, label: string, value: number, now: AlertNow) {
    if (rule.aggregate === 'last') {
      const isMet = compares(value, rule.compare, rule.threshold ?? 0)
      const known = this.#watches.of(rule.id, edge.id, series)
      if (!isMet && known === undefined) return
      const watch = known ?? this.#watches.wanted(rule, edge, series, label, now)
      if (watch) this.#judged(watch, value, isMet, now)
      return
    }
    const watch = this.#watches.wanted(rule, edge, series, label, now)
    if (watch === null) return
    watch.window ??= new SampleWindow(rule.overMs)
    watch.window.add(value, now.mono)
    watch.window.prune(now.mono)
    this.#judgeWindow(watch, now)
  }

  log(edgeId: string, line: LogSeen, now: AlertNow): BookChange[] {
    const edge = this.#edges.get(edgeId)
    if (edge === undefined) return []
    for (const rule of this.looksAt('logs', edgeId)) {
      if (!isSought(line, rule)) continue
      const watch = this.#watches.wanted(rule, edge, '', '', now)
      if (watch === null) continue
      watch.window ??= new SampleWindow(rule.overMs)
      watch.window.add(1, now.mono)
      watch.window.prune(now.mono)
      this.#judgeWindow(watch, now)
    }
    return this.#watches.taken()
  }

  /** What came late neither raises an alert nor, unless it is younger than what raised it, ends one. */
  edgeAlert(edgeId: string, seen: EdgeAlertSeen, now: AlertNow): BookChange[] {
    const edge = this.#edges.get(edgeId)
    if (edge === undefined) return []
    for (const rule of this.looksAt('edge-alerts', edgeId)) {
      if (seen.isOver) {
        const watch = this.#watches.of(rule.id, edgeId, seen.name)
        if (watch && (!seen.isLate || (watch.toldAt !== null && seen.at >= watch.toldAt)))
          this.#watches.input(watch, { type: 'cleared' }, now)
      } else if (!seen.isLate) {
        const watch = this.#watches.wanted(
          rule,
          edge,
          seen.isMomentary ? momentary(seen.name) : seen.name,
          seen.name,
          now,
        )
        if (watch === null) continue
        watch.toldAt = seen.at
        const evidence = { severity: severityOf(seen.severity), said: null, text: seen.text, value: null }
        this.#watches.input(watch, { type: 'met', evidence }, now)
        if (seen.isMomentary) this.#watches.input(watch, { type: 'cleared' }, now)
      }
    }
    return this.#watches.taken()
  }

  /** Something happened that has no end of its own. `count` adds up within an incident. */
  happened(
    edgeId: string,
    what: 'telemetry-lost' | 'both-drove',
    count: number | null,
    say: (count: number) => AlertSaid,
    now: AlertNow,
  ): BookChange[] {
    const edge = this.#edges.get(edgeId)
    for (const { document: rule } of edge === undefined ? [] : this.#rules) {
      if (rule.watch !== what || !appliesTo(rule, edgeId)) continue
      const watch = this.#watches.wanted(rule, edge!, '', '', now)
      if (watch === null) continue
      const before = 'incident' in watch.state ? (watch.state.incident.value ?? 0) : 0
      const value = count === null ? null : before + count
      this.#watches.input(
        watch,
        { type: 'met', evidence: { severity: rule.severity, said: say(value ?? 0), text: '', value } },
        now,
      )
      this.#watches.input(watch, { type: 'cleared' }, now)
    }
    return this.#watches.taken()
  }

  /** Why not; null: it is done. */
  acknowledge(key: string, asked: { readonly by: string; readonly note: string } | null, now: AlertNow) {
    const watch = this.#watches.byKey(key)
    const refused =
      watch === undefined
        ? ('not-firing' as const)
        : this.#watches.input(
            watch,
            asked === null ? { type: 'unacknowledgeAsked' } : { type: 'acknowledgeAsked', ...asked },
            now,
          )
    return { refused, changes: this.#watches.taken() }
  }

  wake(now: AlertNow): BookChange[] {
    for (const watch of this.#watches.values()) {
      const { heardAt, rule, window, state } = watch
      if (heardAt !== null && state.kind !== 'firing' && now.mono - heardAt >= rule.forMs)
        this.#watches.input(watch, { type: 'met', evidence: absentEvidence(rule) }, now)
      const isOpen = state.kind === 'unknown' || state.kind === 'firing'
      const edge = this.#edges.get(watch.edgeId)
      if (rule.watch === 'edge-alerts' && state.kind === 'unknown' && edge?.link === 'linked')
        if (now.mono - edge.since >= EDGE_FORGETS_MS)
          this.#watches.input(watch, { type: 'withdrawn', because: 'cleared' }, now)
      if (window?.prune(now.mono) || (isOpen && (window?.isEmpty ?? true))) this.#judgeWindow(watch, now)
      this.#watches.wake(watch, now)
    }
    return this.#watches.taken()
  }

  timeGap(now: AlertNow): BookChange[] {
    for (const watch of this.#watches.values()) {
      if (watch.heardAt !== null) watch.heardAt = now.mono
      this.#watches.input(watch, { type: 'timeGap' }, now)
    }
    return this.#watches.taken()
  }

  #isThere(rule: AlertRuleDocument, edgeId: string, now: AlertNow): void {
    const watch = this.#watches.of(rule.id, edgeId)
    if (watch === undefined) return
    if (watch.heardAt !== null) watch.heardAt = now.mono
    this.#watches.input(watch, { type: 'cleared' }, now)
  }

  /** What adds up says something although nothing comes, if its edge has been linked for the whole window; a mean of nothing does not. */
  #judgeWindow(watch: Watch, now: AlertNow): void {
    const { rule } = watch
    const isLogs = rule.watch === 'logs'
    const addsUp = isLogs || rule.aggregate === 'count' || rule.aggregate === 'sum'
    if (!addsUp && watch.window === null) return
    const value = watch.window?.value(isLogs ? 'count' : rule.aggregate) ?? (addsUp ? 0 : null)
    if (value === null || (rule.watch !== 'metric' && !isLogs)) return
    const isMet = isLogs ? value >= (rule.threshold ?? 1) : compares(value, rule.compare, rule.threshold ?? 0)
    const edge = this.#edges.get(watch.edgeId)
    const isWatched = edge?.link === 'linked' && now.mono - edge.since >= rule.overMs
    if (!isMet && addsUp && !isWatched) return
    this.#judged(watch, value, isMet, now)
  }

  #judged(watch: Watch, value: number, isMet: boolean, now: AlertNow): void {
    const evidence: Evidence = {
      severity: watch.rule.severity,
      ...{ said: valueSaid(watch.rule, watch.series, value), text: '', value },
    }
    this.#watches.input(watch, isMet ? { type: 'met', evidence } : { type: 'cleared' }, now)
  }
}

/** Null: the cause is not there, or nobody can tell. */
function evidenceOf(rule: AlertRuleDocument, node: WatchedNode): { evidence: Evidence; beganAt: MonoMs } | null {
  const { reach, since, offeredKey } = node
  if (rule.watch === 'node-offline')
    return reach === 'offline' ? { evidence: offlineEvidence(rule, node), beganAt: since } : null
  return offeredKey === null ? null : { evidence: keyEvidence(rule, offeredKey), beganAt: offeredKey.since }
}
/** Which key is pinned and which was shown last is known, whoever looks. */
const isUntold = (rule: AlertRuleDocument, { reach }: WatchedNode): boolean =>
  rule.watch === 'node-offline' && reach === 'unknown'

const severityOf = (text: string): AlertSeverity => (text === 'critical' || text === 'info' ? text : 'warning')
