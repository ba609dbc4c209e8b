import { AUTHENTICATION_DEADLINE_MS, LINK_SILENCE_MS, PING_EVERY_MS } from '../../../shared/model/defaults'
import { after, monoMs, sooner, type MonoMs } from '../../../shared/model/time'
import { failHandBack } from './master-hand-over'
import {
  isMasterDriving,
  takeOverAt,
  type MasterContext,
  type MasterLink,
  type MasterState,
  type Pings,
} from './master-state'
import { armTakeOver, claimControl, driveNow, leaseOf, masterLetsGo, type MasterTurn } from './master-tenure'

/** Pings remembered per session; the silence limit makes older ones meaningless. */
const PINGS_REMEMBERED = 8
const noneSent: Pings['sent'] = []

type LiveLink = Exclude<MasterLink, { kind: 'none' }>

export function onSessionProven(turn: MasterTurn, context: MasterContext, session: string): void {
  const { link } = turn.state
  // The same controller dialled again (the listener refuses another one): its older connection is dead.
  if (link.kind !== 'none') onMasterLinkLost(turn, context, link.session, 'replaced by a newer connection')
  // Forced while its modules were still stopping: the edge is there again, so a negotiation decides.
  if (turn.state.tenure.kind === 'stopping') turn.set({ tenure: { kind: 'stopping', thenDrive: false } })
  const pings: Pings = { nextAt: context.now, sent: [], answeredAt: null, watchedFrom: context.now }
  turn.set({
    link: { kind: 'proven', session, since: context.now, pings, pending: null },
    takeOverFrom: null,
    lastFailure: null,
  })
  sendPing(turn, context)
}

export function onMasterLinkLost(turn: MasterTurn, context: MasterContext, session: string, reason: string): void {
  const { link, tenure } = turn.state
  if (link.kind === 'none' || link.session !== session) {
    turn.refuse('a session that had ended before')
    return
  }
  turn.set({ link: { kind: 'none', since: context.now }, lastFailure: reason })
  if (tenure.kind === 'handingBack') failHandBack(turn, context, 'link-lost')
  // It was to drive under the lease of this session.
  if (tenure.kind === 'stopping') turn.set({ tenure: { kind: 'stopping', thenDrive: false } })
  armTakeOver(turn, context, true)
}

/** A proven edge that was refused for another reason is alive: the timer starts again in full. */
export function onProvenRefusal(turn: MasterTurn, context: MasterContext, reason: string): void {
  turn.set({ lastFailure: reason })
  turn.out({ type: 'report', event: 'link-refused', detail: reason })
  armTakeOver(turn, context, true)
}

export function onPong(turn: MasterTurn, n: number): void {
  const { link, tenure } = turn.state
  const ping = link.kind === 'none' ? undefined : link.pings.sent.find((sent) => sent.n === n)
  if (link.kind === 'none' || !ping) {
    turn.refuse('an answer to no ping of this session')
    return
  }
  const { nextAt, sent, watchedFrom } = link.pings
  const later = sent.at(-1) === ping ? noneSent : sent.filter((one) => one.n > n)
  turn.set({ link: { ...link, pings: { nextAt, sent: later, answeredAt: ping.at, watchedFrom } } })
  if (link.kind !== 'linked' || !link.counts) return
  const lease = leaseOf(turn.state)
  if (tenure.kind === 'driving' || (tenure.kind === 'handingBack' && tenure.phase === 'syncing'))
    turn.set({ tenure: { ...tenure, lease } })
}

function sendPing(turn: MasterTurn, context: MasterContext): void {
  const { link, nextPing: n } = turn.state
  if (link.kind === 'none') return
  const { sent: before, answeredAt, watchedFrom } = link.pings
  const ping = { n, at: context.now }
  // Mostly none is on its way.
  const sent = before.length === 0 ? [ping] : [...before.slice(1 - PINGS_REMEMBERED), ping]
  const pings: Pings = { nextAt: after(context.now, PING_EVERY_MS), sent, answeredAt, watchedFrom }
  turn.set({ link: { ...link, pings }, nextPing: n + 1 }).send({ type: 'ping', n })
}

function silentAt(pings: Pings): MonoMs {
  return after(monoMs(Math.max(pings.watchedFrom, pings.answeredAt ?? 0)), LINK_SILENCE_MS)
}

/** What the clock alone brings about on the link and on the lease. */
export function onMasterLinkWake(turn: MasterTurn, context: MasterContext): void {
  const { link } = turn.state
  if (link.kind !== 'none') watchLink(turn, context, link)
  const { tenure } = turn.state
  const lease = isMasterDriving(turn.state) && 'lease' in tenure ? tenure.lease : null
  if (lease !== null && context.now >= lease) {
    turn.out({ type: 'report', event: 'lease-lost', detail: `epoch ${turn.state.stored.record.epoch}` })
    if (tenure.kind === 'handingBack') failHandBack(turn, context, 'the lease has passed')
    masterLetsGo(turn)
    armTakeOver(turn, context, true)
  }
  takeOverWhenDue(turn, context)
}

function watchLink(turn: MasterTurn, context: MasterContext, link: LiveLink): void {
  const silent = context.now >= silentAt(link.pings)
  const waitsUntil = answerDueAt(link)
  if (silent || (waitsUntil !== null && context.now >= waitsUntil)) {
    const waitedFor = link.kind === 'proven' ? 'no negotiation asked for' : 'no agreement with the result'
    const reason = silent ? 'no ping answered for 3,000 ms' : waitedFor
    turn.out({ type: 'closeLink', reason })
    onMasterLinkLost(turn, context, link.session, reason)
  } else if (context.now >= link.pings.nextAt) sendPing(turn, context)
}

/** By when the edge must have asked for a negotiation, or agreed with its result; null: nothing is expected of it. */
function answerDueAt(link: LiveLink): MonoMs | null {
  if (link.kind === 'proven') return link.pending === null ? after(link.since, AUTHENTICATION_DEADLINE_MS) : null
  return link.agreed ? null : after(link.result.sentAt, AUTHENTICATION_DEADLINE_MS)
}

function takeOverWhenDue(turn: MasterTurn, context: MasterContext): void {
  armTakeOver(turn, context)
  if (turn.state.takeOverFrom === null) return
  const due = takeOverAt(turn.state, context.timeoutMs)
  if (due === null || context.now < due || turn.state.tenure.kind !== 'idle') return
  claimControl(turn, context, { rule: 'take-over', edgeStandsBy: false })
  driveNow(turn, context)
}

/** Nobody was watching: timers start again in full and the lease counts as passed. */
export function onMasterTimeGap(turn: MasterTurn, context: MasterContext): void {
  const { link, tenure } = turn.state
  turn.out({ type: 'report', event: 'time-gap', detail: link.kind })
  const leased = isMasterDriving(turn.state) && 'lease' in tenure && tenure.lease !== null
  if (leased || (link.kind === 'linked' && tenure.kind === 'handingBack')) {
    if (link.kind !== 'none') {
      turn.out({ type: 'closeLink', reason: 'time gap' })
      onMasterLinkLost(turn, context, link.session, 'time gap')
    }
    masterLetsGo(turn)
  } else if (link.kind === 'linked') {
    // What it was to drive by is old: the negotiation below decides again.
    if (tenure.kind === 'stopping') turn.set({ tenure: { kind: 'stopping', thenDrive: false } })
    turn.set({
      link: { ...link, stableFrom: context.now, askedAt: context.now, pings: watchedFromNow(context) },
    })
    turn.send({ type: 'renegotiate', session: link.session, reason: 'time gap' })
  } else if (link.kind === 'proven') {
    turn.set({ link: { ...link, since: context.now, pings: watchedFromNow(context) } })
  }
  armTakeOver(turn, context, true)
}

/** Nothing answered before counts any more: neither for the lease nor for the silence. */
function watchedFromNow(context: MasterContext): Pings {
  return { nextAt: context.now, sent: [], answeredAt: null, watchedFrom: context.now }
}

/** Asked after each ping and each answer of every edge: it makes nothing that would have to be collected. */
export function masterLinkWakeAt(state: MasterState, context: MasterContext): MonoMs | null {
  const { link, tenure } = state
  let at: MonoMs | null = null
  if (link.kind !== 'none') at = sooner(sooner(link.pings.nextAt, silentAt(link.pings)), answerDueAt(link))
  if (isMasterDriving(state) && 'lease' in tenure) at = sooner(at, tenure.lease)
  // Only then is the document asked for.
  if (state.takeOverFrom === null || tenure.kind !== 'idle') return at
  return sooner(at, takeOverAt(state, context.timeoutMs))
}
