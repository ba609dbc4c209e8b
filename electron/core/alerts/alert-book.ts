import { nodeOfSubject, type AlertEnding, type AlertSaid, type AlertSeverity } from '../../../shared/model/alerts'
import type { AlertRuleDocument } from '../../../shared/model/documents'
import type { MonoMs } from '../../../shared/model/time'
import { restored, step, wakeAtOf } from './alert'
import { appliesTo, choosesNode, compares, isAboutNodes, isSameWatch, policyOf, type AlertRule } from './alert-rule'
import {
  CALM,
  type AlertInput,
  type AlertNow,
  type AlertOutput,
  type AlertPolicy,
  type AlertState,
  type Evidence,
  type Incident,
} from './alert-state'
import { absentEvidence, keyEvidence, lostEvidence, offlineEvidence, valueSaid } from './alert-words'
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

/** Alerts and windows kept at once, in all and of one rule. Beyond it what is new is refused and counted. */
export const WATCHED_MAX = 10_000
export const WATCHED_PER_RULE_MAX = 1_000
/** So long an edge's report of something that has happened is shown. */
export const MOMENT_MS = 3_600_000
/** An edge that was linked for so long and has said nothing of its alert any more has forgotten it, as by a restart. */
export const EDGE_FORGETS_MS = 24 * 3_600_000
/** Begins the series of momentary alerts of edges: it must be known after a restart, too. */
const MOMENT = '!'

type Whose = Pick<WatchedEdge, 'id' | 'timeoutMs'>

interface Watch extends AlertSubject {
  rule: AlertRuleDocument
  policy: AlertPolicy
  state: AlertState
  window: SampleWindow | null
  /** Absence: when data came last while there was a link; null: there is none, so nothing is absent. */
  heardAt: MonoMs | null
  /** Alerts of an edge: when it said so, by its calendar; null: not since the start. */
  toldAt: number | null
}

/**
 * All alerts of all edges: turns what arrives, links and time into inputs of the machine (`alert.ts`), one for each rule, edge and series. Every call gives the
 * changes in order; nothing is done about them here. What came late is for the caller to leave out, but for alerts of edges.
 */
export class AlertBook {
  #rules: readonly AlertRule[] = []
  #edges = new Map<string, WatchedEdge>()
  /** Those that a rule has something to say of, or may have when rules change. */
  readonly #nodes = new Map<string, WatchedNode>()
  readonly #watches = new Map<string, Watch>()
  readonly #perRule = new Map<string, number>()
  readonly #refused = new Map<string, Refusals>()
  #changes: BookChange[] = []

  get rules(): readonly AlertRule[] {
    return this.#rules
  }
  refusedOf(ruleId: string): Refusals | null {
    return this.#refused.get(ruleId) ?? null
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
    let earliest: MonoMs | null = null
    for (const { state, policy, heardAt, rule } of this.#watches.values()) {
      const absentAt = heardAt === null || state.kind !== 'calm' ? null : ((heardAt + rule.forMs) as MonoMs)
      for (const at of [wakeAtOf(state, policy), absentAt])
        if (at !== null && (earliest === null || at < earliest)) earliest = at
    }
    return earliest
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
      const isGone = isOfNode ? !isNode(edgeId) : !this.#edges.has(edgeId)
      const isOff = rule === undefined || !appliesTo(rule, edgeId)
      const ending: AlertEnding | null = isGone
        ? isOfNode
          ? 'node-removed'
          : 'edge-removed'
        : isOff
          ? 'rule-off'
          : null
      if (rule === undefined || ending !== null) {
        this.#changes.push({
          ...subject,
          state: CALM,
          output: { type: 'end', incident, because: ending ?? 'rule-off', at: now.wall },
        })
        continue
      }
      const watch = this.#add(subject, rule, this.#edges.get(edgeId) ?? null)
      const { state, outputs } = restored(incident, watch.policy, now)
      watch.state = state
      for (const output of outputs) if (output.type !== 'refused') this.#changes.push({ ...subject, output, state })
    }
    return this.#taken()
  }

  setRules(rules: readonly AlertRule[], now: AlertNow): BookChange[] {
    this.#rules = rules
    const byId = new Map(rules.map(({ document }) => [document.id, document]))
    for (const watch of [...this.#watches.values()]) {
      const rule = byId.get(watch.ruleId)
      if (rule === undefined || !appliesTo(rule, watch.edgeId)) this.#withdraw(watch, 'rule-off', now)
      else if (!isSameWatch(rule, watch.rule)) this.#withdraw(watch, 'rule-changed', now)
      else {
        if (rule.overMs !== watch.rule.overMs && watch.window !== null) watch.window = new SampleWindow(rule.overMs)
        watch.rule = rule
        watch.policy = policyFor(watch.key, rule, this.#edges.get(watch.edgeId) ?? null)
      }
    }
    this.#followLinks(now)
    for (const node of this.#nodes.values()) this.#followNode(node, now)
    return this.#taken()
  }

  /** All edges there are, as often as anything of them may have changed. */
  setEdges(edges: readonly WatchedEdge[], now: AlertNow): BookChange[] {
    const before = this.#edges
    this.#edges = new Map(edges.map((edge) => [edge.id, edge]))
    for (const watch of [...this.#watches.values()]) {
      if (nodeOfSubject(watch.edgeId) !== null) continue
      const edge = this.#edges.get(watch.edgeId)
      if (edge === undefined) {
        this.#withdraw(watch, 'edge-removed', now)
        continue
      }
      if (watch.rule.watch === 'edge-lost') watch.policy = policyFor(watch.key, watch.rule, edge)
      const wasLinked = before.get(edge.id)?.link === 'linked'
      if (wasLinked && edge.link !== 'linked' && !watch.policy.isMomentary && watch.rule.watch !== 'edge-lost')
        this.#input(watch, { type: 'silent' }, now)
    }
    this.#followLinks(now)
    return this.#taken()
  }

  /** Nodes of which something may be otherwise: after a check, a change by a person, or because nobody looked any more. */
  nodes(told: readonly WatchedNode[], now: AlertNow): BookChange[] {
    for (const node of told) {
      this.#followNode(node, now)
      const isOfInterest = node.reach === 'offline' || node.offeredKey !== null
      if (isOfInterest && node.reach !== 'removed') this.#nodes.set(node.id, node)
      else this.#nodes.delete(node.id)
    }
    return this.#taken()
  }

  #followNode(node: WatchedNode, now: AlertNow): void {
    for (const { document: rule } of this.#rules) {
      if (!isAboutNodes(rule) || !rule.enabled) continue
      const known = this.#watches.get(keyOf(rule.id, node.id, ''))
      if (node.reach === 'removed' || node.reach === 'paused') {
        if (known) this.#withdraw(known, node.reach === 'paused' ? 'paused' : 'node-removed', now)
        continue
      }
      if (!choosesNode(rule, node.tags)) {
        if (known) this.#withdraw(known, 'rule-off', now)
        continue
      }
      const evidence = evidenceOf(rule, node)
      if (evidence !== null) {
        const watch = known ?? this.#watch(rule, { id: node.id, timeoutMs: 0 }, '', '', now)
        if (watch && watch.state.kind !== 'firing') this.#input(watch, { type: 'met', ...evidence }, now)
      } else if (known) this.#input(known, { type: isUntold(rule, node) ? 'silent' : 'cleared' }, now)
    }
  }

  #followLinks(now: AlertNow): void {
    for (const { document: rule } of this.#rules) {
      if (rule.watch !== 'edge-lost' && rule.watch !== 'absence') continue
      for (const edge of this.#edges.values()) {
        if (!appliesTo(rule, edge.id)) continue
        if (rule.watch === 'edge-lost') this.#followLink(rule, edge, now)
        else this.#followAbsence(rule, edge, now)
      }
    }
  }

  #followLink(rule: AlertRuleDocument, edge: WatchedEdge, now: AlertNow): void {
    if (edge.link === 'lost') {
      const watch = this.#watch(rule, edge, '', '', now)
      const kind = watch?.state.kind
      if (watch && kind !== 'firing' && kind !== 'pending')
        this.#input(watch, { type: 'met', evidence: lostEvidence(rule), beganAt: edge.since }, now)
    } else if (edge.link !== 'unknown') {
      const watch = this.#watches.get(keyOf(rule.id, edge.id, ''))
      if (watch) this.#input(watch, { type: 'cleared' }, now)
    }
  }

  /** Where an edge is away something else speaks of it: nothing is absent then. */
  #followAbsence(rule: AlertRuleDocument, edge: WatchedEdge, now: AlertNow): void {
    const watch = this.#watch(rule, edge, '', rule.metric ?? '', now)
    if (watch) watch.heardAt = edge.link === 'linked' ? (watch.heardAt ?? now.mono) : null
  }

  /** Something live came of this edge. */
  heard(edgeId: string, now: AlertNow): BookChange[] {
    for (const { document: rule } of this.#rules)
      if (rule.watch === 'absence' && rule.metric === undefined) this.#isThere(rule, edgeId, now)
    return this.#taken()
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
    return this.#taken()
  }

  #value(rule: AlertRuleDocument, edge: WatchedEdge, series: string, label: string, value: number, now: AlertNow) {
    if (rule.aggregate === 'last') {
      const isMet = compares(value, rule.compare, rule.threshold ?? 0)
      const known = this.#watches.get(keyOf(rule.id, edge.id, series))
      if (!isMet && known === undefined) return
      const watch = known ?? this.#watch(rule, edge, series, label, now)
      if (watch) this.#judged(watch, value, isMet, now)
      return
    }
    const watch = this.#watch(rule, edge, series, label, now)
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
      const watch = this.#watch(rule, edge, '', '', now)
      if (watch === null) continue
      watch.window ??= new SampleWindow(rule.overMs)
      watch.window.add(1, now.mono)
      watch.window.prune(now.mono)
      this.#judgeWindow(watch, now)
    }
    return this.#taken()
  }

  /** What came late neither raises an alert nor, unless it is younger than what raised it, ends one. */
  edgeAlert(edgeId: string, seen: EdgeAlertSeen, now: AlertNow): BookChange[] {
    const edge = this.#edges.get(edgeId)
    if (edge === undefined) return []
    for (const rule of this.looksAt('edge-alerts', edgeId)) {
      if (seen.isOver) {
        const watch = this.#watches.get(keyOf(rule.id, edgeId, seen.name))
        if (watch && (!seen.isLate || (watch.toldAt !== null && seen.at >= watch.toldAt)))
          this.#input(watch, { type: 'cleared' }, now)
      } else if (!seen.isLate) {
        const watch = this.#watch(rule, edge, `${seen.isMomentary ? MOMENT : ''}${seen.name}`, seen.name, now)
        if (watch === null) continue
        watch.toldAt = seen.at
        const evidence = { severity: severityOf(seen.severity), said: null, text: seen.text, value: null }
        this.#input(watch, { type: 'met', evidence }, now)
        if (seen.isMomentary) this.#input(watch, { type: 'cleared' }, now)
      }
    }
    return this.#taken()
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
      const watch = this.#watch(rule, edge!, '', '', now)
      if (watch === null) continue
      const before = 'incident' in watch.state ? (watch.state.incident.value ?? 0) : 0
      const value = count === null ? null : before + count
      this.#input(
        watch,
        { type: 'met', evidence: { severity: rule.severity, said: say(value ?? 0), text: '', value } },
        now,
      )
      this.#input(watch, { type: 'cleared' }, now)
    }
    return this.#taken()
  }

  /** Why not; null: it is done. */
  acknowledge(key: string, asked: { readonly by: string; readonly note: string } | null, now: AlertNow) {
    const watch = this.#watches.get(key)
    const refused =
      watch === undefined
        ? ('not-firing' as const)
        : this.#input(
            watch,
            asked === null ? { type: 'unacknowledgeAsked' } : { type: 'acknowledgeAsked', ...asked },
            now,
          )
    return { refused, changes: this.#taken() }
  }

  wake(now: AlertNow): BookChange[] {
    for (const watch of [...this.#watches.values()]) {
      const { heardAt, rule, window, state } = watch
      if (heardAt !== null && state.kind !== 'firing' && now.mono - heardAt >= rule.forMs)
        this.#input(watch, { type: 'met', evidence: absentEvidence(rule) }, now)
      const isOpen = state.kind === 'unknown' || state.kind === 'firing'
      const edge = this.#edges.get(watch.edgeId)
      if (rule.watch === 'edge-alerts' && state.kind === 'unknown' && edge?.link === 'linked')
        if (now.mono - edge.since >= EDGE_FORGETS_MS) this.#input(watch, { type: 'withdrawn', because: 'cleared' }, now)
      if (window?.prune(now.mono) || (isOpen && (window?.isEmpty ?? true))) this.#judgeWindow(watch, now)
      this.#input(watch, { type: 'wake' }, now)
    }
    return this.#taken()
  }

  timeGap(now: AlertNow): BookChange[] {
    for (const watch of this.#watches.values()) {
      if (watch.heardAt !== null) watch.heardAt = now.mono
      this.#input(watch, { type: 'timeGap' }, now)
    }
    return this.#taken()
  }

  #isThere(rule: AlertRuleDocument, edgeId: string, now: AlertNow): void {
    const watch = this.#watches.get(keyOf(rule.id, edgeId, ''))
    if (watch === undefined) return
    if (watch.heardAt !== null) watch.heardAt = now.mono
    this.#input(watch, { type: 'cleared' }, now)
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
    this.#input(watch, isMet ? { type: 'met', evidence } : { type: 'cleared' }, now)
  }

  #watch(rule: AlertRuleDocument, edge: Whose, seriesKey: string, series: string, now: AlertNow): Watch | null {
    const key = keyOf(rule.id, edge.id, seriesKey)
    const known = this.#watches.get(key)
    if (known !== undefined) return known
    const ofRule = this.#perRule.get(rule.id) ?? 0
    // Rules that have one alert for each edge grow with the fleet, not with what somebody sends.
    const isPerSeries = seriesKey !== ''
    if (this.#watches.size >= WATCHED_MAX || (isPerSeries && ofRule >= WATCHED_PER_RULE_MAX)) {
      const limit = this.#watches.size >= WATCHED_MAX ? WATCHED_MAX : WATCHED_PER_RULE_MAX
      const reason = `More than ${limit} alerts${limit === WATCHED_MAX ? '' : ' of one rule'} at once.`
      this.#refused.set(rule.id, { count: (this.#refused.get(rule.id)?.count ?? 0) + 1, lastAt: now.wall, reason })
      return null
    }
    return this.#add({ key, ruleId: rule.id, edgeId: edge.id, series }, rule, edge)
  }

  #add(subject: AlertSubject, rule: AlertRuleDocument, edge: Whose | null): Watch {
    const watch: Watch = {
      ...subject,
      rule,
      policy: policyFor(subject.key, rule, edge),
      state: CALM,
      window: null,
      heardAt: null,
      toldAt: null,
    }
    this.#watches.set(subject.key, watch)
    this.#perRule.set(rule.id, (this.#perRule.get(rule.id) ?? 0) + 1)
    return watch
  }

  #withdraw(watch: Watch, because: AlertEnding, now: AlertNow): void {
    watch.heardAt = null
    watch.window = null
    this.#input(watch, { type: 'withdrawn', because }, now)
    this.#forget(watch)
  }

  #forget(watch: Watch): void {
    if (!this.#watches.delete(watch.key)) return
    const left = (this.#perRule.get(watch.ruleId) ?? 1) - 1
    if (left > 0) this.#perRule.set(watch.ruleId, left)
    else this.#perRule.delete(watch.ruleId)
  }

  #input(watch: Watch, input: AlertInput, now: AlertNow) {
    const { state, outputs } = step(watch.state, input, watch.policy, now)
    watch.state = state
    let refused: Extract<AlertOutput, { type: 'refused' }>['reason'] | null = null
    const { key, ruleId, edgeId, series } = watch
    for (const output of outputs) {
      if (output.type === 'refused') refused = output.reason
      else this.#changes.push({ key, ruleId, edgeId, series, output, state })
    }
    // What has nothing to remember takes no place.
    if (state.kind === 'calm' && watch.heardAt === null && (watch.window?.isEmpty ?? true)) this.#forget(watch)
    return refused
  }

  #taken(): BookChange[] {
    const changes = this.#changes
    this.#changes = []
    return changes
  }
}

const keyOf = (ruleId: string, edgeId: string, seriesKey: string) => JSON.stringify([ruleId, edgeId, seriesKey])

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

/** `edge` null: it is of a node. */
function policyFor(key: string, rule: AlertRuleDocument, edge: Pick<WatchedEdge, 'timeoutMs'> | null): AlertPolicy {
  const policy = policyOf(rule, edge ?? { timeoutMs: 0 })
  if (rule.watch !== 'edge-alerts' || !key.includes(`,"${MOMENT}`)) return policy
  return { ...policy, forMs: 0, keepFiringForMs: Math.max(MOMENT_MS, policy.keepFiringForMs), isMomentary: true }
}

const severityOf = (text: string): AlertSeverity => (text === 'critical' || text === 'info' ? text : 'warning')
