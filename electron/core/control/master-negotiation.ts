import type { Decision, EdgeFacts, MasterFacts } from '../../../shared/model/control'
import { LINK_SILENCE_MS } from '../../../shared/model/defaults'
import { after, monoMs, type MonoMs } from '../../../shared/model/time'
import type { ControlMessageOf } from '../../../shared/wire/control'
import { newDecision } from './edge-tenure'
import { heardIn } from './epoch'
import { beginHandBack } from './master-hand-over'
import { onMasterLinkLost } from './master-link'
import { isMasterDriving, masterPermit, type MasterContext, type MasterLink, type MasterState } from './master-state'
import { claimControl, driveNow, hearAtMaster, masterLetsGo, type MasterTurn } from './master-tenure'
import { negotiate, tableFacts, waitsForReady } from './negotiate'

type LiveLink = Exclude<MasterLink, { kind: 'none' }>

/** What the master adds to the facts, as of now. The window counts only if its opening may still hand control back. */
export function masterFactsOf(state: MasterState, context: MasterContext): MasterFacts {
  const { stored, link, tenure } = state
  const window = context.window()
  const usable =
    window !== null &&
    window.open &&
    window.lastOpeningAt !== null &&
    (stored.manualAt === null || window.lastOpeningAt > stored.manualAt) &&
    window.lastOpeningAt !== stored.spentOpeningAt
  return {
    record: stored.record,
    floor: stored.floor,
    loading: !state.booted,
    window: window === null ? 'unset' : usable ? 'in' : 'out',
    // To the table a draining node is a paused one: it gets no control back by itself.
    paused: context.paused || context.draining,
    failover: context.failover,
    stable: link.kind === 'linked' && context.now >= after(link.stableFrom, context.stableForMs),
    docRevision: context.journalHead,
    drivingForMs:
      masterPermit(state, context.now) !== null && 'since' in tenure
        ? Math.max(0, Math.round(context.now - tenure.since))
        : null,
  }
}

export function onNegotiate(turn: MasterTurn, context: MasterContext, round: number, edge: EdgeFacts): void {
  const { link, tenure } = turn.state
  if (link.kind === 'none') {
    turn.refuse('negotiate without a session')
    return
  }
  if (tenure.kind === 'handingBack') {
    if (link.kind === 'linked') turn.set({ link: { ...link, waiting: true } })
    return
  }
  turn.set({ edgeJournalSeq: edge.journalSeq })
  const facts = { edge, master: masterFactsOf(turn.state, context) }
  const verdict = negotiate(tableFacts(facts))
  if (waitsForReady(verdict, facts.master.loading)) {
    if (link.kind === 'proven') turn.set({ link: { ...link, pending: { round, edge } } })
    turn.send({ type: 'loading', session: link.session })
    return
  }
  settleHandBack(turn, context, edge)
  hearAtMaster(turn, edge.floor, heardIn(edge.record))
  if (facts.master.record.holder === 'master' && facts.master.record.epoch < edge.record.agreedEpoch) {
    turn.out({
      type: 'report',
      event: 'stale-record',
      detail: `${facts.master.record.epoch} is below ${edge.record.agreedEpoch}`,
    })
  }
  const bothDroveForMs =
    edge.drivingForMs === null || facts.master.drivingForMs === null
      ? null
      : Math.min(edge.drivingForMs, facts.master.drivingForMs)
  const contested = bothDroveForMs === null ? null : { from: context.wall - bothDroveForMs, to: context.wall }
  becomeLinked(turn, context, link, round, edge, {
    decisionId: context.freshId,
    verdict,
    facts,
    contested,
    sentAt: context.now,
  })
  if (verdict.winner === 'edge' && !verdict.byHandBack) giveUp(turn, context, edge)
  else {
    // Also before a hand-back: nothing below what the edge has heard of may stand in a record both sides agree on.
    claimControl(turn, context, {
      rule: verdict.rule,
      decisionId: context.freshId,
      facts,
      contested,
      edgeStandsBy: true,
    })
    leaseFromResult(turn, context)
  }
  const drives = turn.state.stored.record.holder === 'master'
  turn.send({
    type: 'result',
    session: link.session,
    round,
    decisionId: context.freshId,
    rule: verdict.rule,
    winner: verdict.winner,
    master: facts.master,
    edge,
    masterEpoch: drives ? turn.state.stored.record.epoch : null,
    contested,
  })
}

/**
 * The master drives already and has told the edge so just now: the edge drives no earlier than 3,000 ms after it hears that. A lease that runs is not made
 * longer before the edge has answered.
 */
function leaseFromResult(turn: MasterTurn, context: MasterContext): void {
  const { tenure, stored } = turn.state
  if (tenure.kind !== 'driving') return
  turn.set({ tenure: { ...tenure, lease: tenure.lease ?? after(context.now, LINK_SILENCE_MS) } })
  turn.out({ type: 'openGate', epoch: stored.record.epoch })
}

function becomeLinked(
  turn: MasterTurn,
  context: MasterContext,
  link: LiveLink,
  round: number,
  edge: EdgeFacts,
  result: Extract<MasterLink, { kind: 'linked' }>['result'],
): void {
  turn.set({
    link: {
      kind: 'linked',
      session: link.session,
      since: link.since,
      pings: link.pings,
      agreed: false,
      counts: link.kind === 'linked' && link.counts,
      round,
      edge,
      result,
      stableFrom: link.kind === 'linked' ? link.stableFrom : context.now,
      askedAt: link.kind === 'linked' ? link.askedAt : null,
      waiting: false,
    },
  })
}

/** A grant whose answer was lost with its session: what both sides once agreed on says whether the edge took it. */
function settleHandBack(turn: MasterTurn, context: MasterContext, edge: EdgeFacts): void {
  const { stored } = turn.state
  const { record } = stored
  if (record.intent === null) return
  const taken = edge.record.agreedEpoch >= record.intent.epoch
  turn.set({ stored: { ...stored, record: { ...record, intent: null } } }).settle({
    decisionId: record.intent.decisionId,
    outcome: taken ? 'done' : 'cancelled',
    winner: taken ? 'edge' : 'master',
    at: context.wall,
  })
}

/**
 * The edge drives: the record says so before the gate closes, and the gate closes before the edge is told. Where it is going to take a new epoch, that is not
 * known before it agrees: `none` until then.
 */
function giveUp(turn: MasterTurn, context: MasterContext, edge: EdgeFacts): void {
  const { stored } = turn.state
  if (stored.record.holder !== 'edge') {
    const known = edge.record.holder === 'edge' && edge.record.epoch > stored.record.epoch
    const next = {
      ...stored,
      record: known
        ? { ...stored.record, holder: 'edge' as const, epoch: edge.record.epoch, decisionId: edge.record.decisionId }
        : { ...stored.record, holder: 'none' as const },
      edgeStoodBy: false,
      manualAt: null,
      since: context.wall,
    }
    turn.set({ stored: next }).persist(null)
  }
  if (isMasterDriving(turn.state)) turn.out({ type: 'report', event: 'lost-control', detail: 'the edge drives' })
  masterLetsGo(turn)
}

/** The edge has the same result: from now on the two are linked. */
export function onAgree(turn: MasterTurn, context: MasterContext, message: ControlMessageOf<'agree'>): void {
  const { link, tenure } = turn.state
  if (link.kind !== 'linked' || message.round !== link.round || message.decisionId !== link.result.decisionId) {
    turn.refuse('agreement with another result')
    return
  }
  if (link.agreed || tenure.kind === 'handingBack') {
    turn.refuse('agreed already')
    return
  }
  const { verdict } = link.result
  if (!message.agreed || message.rule !== verdict.rule || message.winner !== verdict.winner) {
    turn.out(
      {
        type: 'report',
        event: 'disagreement',
        detail: `master says ${verdict.rule} ${verdict.winner}, edge says ${message.rule} ${message.winner}`,
      },
      { type: 'closeLink', reason: 'the two sides disagree' },
    )
    onMasterLinkLost(turn, context, link.session, 'the two sides disagree')
    return
  }
  turn.set({ link: { ...link, agreed: true, counts: true } })
  const epoch = message.drivesAtEpoch
  if (epoch !== null) hearAtMaster(turn, epoch)
  recordAgreement(turn, context, epoch)
  turn.set({ lastRule: verdict.rule })
  if (verdict.byHandBack) {
    const openingAt = verdict.rule === 'T3' ? (context.window()?.lastOpeningAt ?? null) : null
    beginHandBack(turn, context, {
      decisionId: link.result.decisionId,
      actor: 'system',
      rule: verdict.rule,
      startedAt: context.wall,
      openingAt,
    })
  } else if (verdict.winner === 'master') driveNow(turn, context)
}

function recordAgreement(turn: MasterTurn, context: MasterContext, edgeEpoch: number | null): void {
  const { link, stored, lastRule } = turn.state
  if (link.kind !== 'linked') return
  const { result } = link
  const epoch = edgeEpoch ?? stored.record.epoch
  const holder: Decision['winner'] = edgeEpoch === null ? 'master' : 'edge'
  const same = stored.record.holder === holder && stored.record.epoch === epoch && stored.record.agreedEpoch === epoch
  if (same && lastRule === result.verdict.rule && result.contested === null) return
  const moved = stored.record.epoch !== epoch || stored.record.holder !== holder
  const next = {
    ...stored,
    record: {
      holder,
      epoch,
      agreedEpoch: epoch,
      decisionId: moved ? result.decisionId : stored.record.decisionId,
      intent: null,
    },
    floor: Math.max(stored.floor, epoch),
    since: moved ? context.wall : stored.since,
  }
  turn.set({ stored: next })
  // A hand-back keeps the same decision open until it is done.
  const outcome = result.verdict.byHandBack ? 'open' : 'done'
  turn.persist(
    newDecision(
      { edgeId: context.edgeId, wall: context.wall, freshId: result.decisionId },
      result.verdict.rule,
      result.verdict.byHandBack ? 'none' : holder,
      epoch,
      {
        facts: result.facts,
        contested: result.contested,
        outcome,
        finishedAt: outcome === 'open' ? null : context.wall,
      },
    ),
  )
}

/** Whether facts that changed by themselves (window, stable time, pause, document) now hand control back: then both sides look again, on fresh facts. */
export function evaluate(turn: MasterTurn, context: MasterContext): void {
  const { link, tenure } = turn.state
  if (link.kind !== 'linked') return
  if (link.waiting && tenure.kind !== 'handingBack') {
    turn
      .set({ link: { ...link, waiting: false, askedAt: context.now } })
      .send({ type: 'renegotiate', session: link.session, reason: 'hand-over finished' })
    return
  }
  const recentlyAsked = link.askedAt !== null && context.now < after(link.askedAt, LINK_SILENCE_MS)
  if (!link.agreed || recentlyAsked) return
  if (!drivesNothing(turn.state)) {
    if (tenure.kind !== 'driving') return
    const verdict = negotiate(tableFacts({ edge: link.edge, master: masterFactsOf(turn.state, context) }))
    if (!verdict.byHandBack) return
  }
  turn
    .set({ link: { ...link, askedAt: context.now } })
    .send({ type: 'renegotiate', session: link.session, reason: 'facts have changed' })
}

/** Linked, not given to the edge, and yet not driven (a lease has passed while the link held): somebody has to drive. */
function drivesNothing({ link, tenure, stored }: MasterState): boolean {
  return link.kind === 'linked' && link.agreed && tenure.kind === 'idle' && stored.record.holder !== 'edge'
}

/** When facts may change by themselves while a hand-back is possible: never later than 30,000 ms, whatever the schedule says. */
export function evaluateAt(state: MasterState, context: MasterContext): MonoMs | null {
  const { link, tenure } = state
  if (link.kind !== 'linked' || !link.agreed || (tenure.kind !== 'driving' && !drivesNothing(state))) return null
  const askableAt = link.askedAt === null ? context.now : after(link.askedAt, LINK_SILENCE_MS)
  if (drivesNothing(state)) return monoMs(Math.max(context.now, askableAt))
  const times = [context.now + 30_000]
  const stableAt = after(link.stableFrom, context.stableForMs)
  if (stableAt > context.now) times.push(stableAt)
  const next = context.window()?.nextChangeAt ?? null
  if (next !== null && next > context.wall) times.push(context.now + (next - context.wall))
  if (askableAt > context.now) times.push(askableAt)
  return monoMs(Math.min(...times))
}
