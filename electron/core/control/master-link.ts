import { AUTHENTICATION_DEADLINE_MS, LINK_SILENCE_MS, PING_EVERY_MS } from '../../../shared/model/defaults'
import { after, monoMs, type MonoMs } from '../../../shared/model/time'
import { failHandBack } from './master-hand-over'
import {
  isMasterDriving,
  takeOverAt,
  type MasterContext,
  type MasterLink,
  type MasterState,
  type Pings,
} from './master-state'
import { armTakeOver, claimControl, driveNow, masterLetsGo, type MasterTurn } from './master-tenure'

/** Pings remembered per session; the silence limit makes older ones meaningless. */
const PINGS_REMEMBERED = 8

type LiveLink = Exclude<MasterLink, { kind: 'none' }>

export function onSessionProven(turn: MasterTurn, context: MasterContext, session: string): void {
  const { link } = turn.state
  // The same controller dialled again (the listener refuses another one): its older connection is dead.
  if (link.kind !== 'none') onMasterLinkLost(turn, context, link.session, 'replaced by a newer connection')
  const pings: Pings = { next: 1, nextAt: context.now, sent: [], leaseBase: context.now }
  turn.set({
    link: { kind: 'proven', session, since: context.now, pings, pending: null },
    takeOverFrom: null,
    lastFailure: null,
  })
  sendPing(turn, context)
}

export function onMasterLinkLost(turn: MasterTurn, context: MasterContext, session: string, reason: string): void {
  const { link, tenure } = turn.state
  if (link.kind === 'none' || link.session !== session) return
  turn.set({ link: { kind: 'none', since: context.now }, lastFailure: reason })
  if (tenure.kind === 'handingBack') failHandBack(turn, context, 'link-lost')
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
  if (link.kind === 'none') return
  const sent = link.pings.sent.find((ping) => ping.n === n)
  if (!sent || sent.at < link.pings.leaseBase) return
  const pings = { ...link.pings, leaseBase: sent.at, sent: link.pings.sent.filter((ping) => ping.n > n) }
  turn.set({ link: { ...link, pings } })
  if (link.kind !== 'linked' || !isMasterDriving(turn.state)) return
  const lease = after(sent.at, LINK_SILENCE_MS)
  if (tenure.kind === 'driving' || (tenure.kind === 'handingBack' && tenure.phase === 'syncing'))
    turn.set({ tenure: { ...tenure, lease } })
}

function sendPing(turn: MasterTurn, context: MasterContext): void {
  const { link } = turn.state
  if (link.kind === 'none') return
  const { next, sent, leaseBase } = link.pings
  const pings: Pings = {
    next: next + 1,
    nextAt: after(context.now, PING_EVERY_MS),
    sent: [...sent.slice(1 - PINGS_REMEMBERED), { n: next, at: context.now }],
    leaseBase,
  }
  turn.set({ link: { ...link, pings } }).send({ type: 'ping', n: next })
}

/** What the clock alone brings about on the link and on the lease. */
export function onMasterLinkWake(turn: MasterTurn, context: MasterContext): void {
  const { link } = turn.state
  if (link.kind !== 'none') watchLink(turn, context, link)
  const { tenure } = turn.state
  const lease = isMasterDriving(turn.state) && 'lease' in tenure ? tenure.lease : null
  if (lease !== null && context.now >= lease) {
    turn.out({ type: 'report', event: 'lease-lost', detail: `epoch ${turn.state.stored.record.epoch}` })
    masterLetsGo(turn)
    armTakeOver(turn, context, true)
  }
  takeOverWhenDue(turn, context)
}

function watchLink(turn: MasterTurn, context: MasterContext, link: LiveLink): void {
  const silent = context.now >= after(link.pings.leaseBase, LINK_SILENCE_MS)
  const mute =
    link.kind === 'proven' && link.pending === null && context.now >= after(link.since, AUTHENTICATION_DEADLINE_MS)
  if (silent || mute) {
    const reason = silent ? 'no ping answered for 3,000 ms' : 'no negotiation asked for'
    turn.out({ type: 'closeLink', reason })
    onMasterLinkLost(turn, context, link.session, reason)
  } else if (context.now >= link.pings.nextAt) sendPing(turn, context)
}

function takeOverWhenDue(turn: MasterTurn, context: MasterContext): void {
  armTakeOver(turn, context)
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
    turn.set({
      link: {
        ...link,
        stableFrom: context.now,
        askedAt: context.now,
        pings: { ...link.pings, leaseBase: context.now, nextAt: context.now },
      },
    })
    turn.send({ type: 'renegotiate', session: link.session, reason: 'time gap' })
  } else if (link.kind === 'proven') {
    turn.set({
      link: { ...link, since: context.now, pings: { ...link.pings, leaseBase: context.now, nextAt: context.now } },
    })
  }
  armTakeOver(turn, context, true)
}

export function masterLinkWakeAt(state: MasterState, context: MasterContext): MonoMs | null {
  const { link, tenure } = state
  const times: number[] = []
  if (link.kind !== 'none') times.push(link.pings.nextAt, after(link.pings.leaseBase, LINK_SILENCE_MS))
  if (link.kind === 'proven' && link.pending === null) times.push(after(link.since, AUTHENTICATION_DEADLINE_MS))
  if (isMasterDriving(state) && 'lease' in tenure && tenure.lease !== null) times.push(tenure.lease)
  const due = takeOverAt(state, context.timeoutMs)
  if (due !== null && tenure.kind === 'idle') times.push(due)
  return times.length === 0 ? null : monoMs(Math.min(...times))
}
