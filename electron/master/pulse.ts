import type { MasterLink, MasterState } from '../core/control/master-state'

/** Whether the states differ, and in nothing but the pings of one link. A step that changed nothing is no pulse: it was asked for. */
export function differsByPulse(before: MasterState, after: MasterState): boolean {
  const { link: was } = before
  const { link } = after
  if (before === after || was.kind === 'none' || link.kind === 'none' || was.pings === link.pings) return false
  return sameButPings(was, link) && sameButLink(before, after)
}

type Live<Kind extends MasterLink['kind']> = Extract<MasterLink, { kind: Kind }>

/*
 * Called for each ping and each answer of every edge, so that the fields are named: a loop over them takes ten times as long, and makes garbage. A field that is forgotten here is
 * found by the test, which changes each in turn.
 */

function sameButLink(before: MasterState, after: MasterState): boolean {
  return (
    before.stored === after.stored &&
    before.retryPersistAt === after.retryPersistAt &&
    before.booted === after.booted &&
    before.tenure === after.tenure &&
    before.takeOverFrom === after.takeOverFrom &&
    before.edgeJournalSeq === after.edgeJournalSeq &&
    before.lastRule === after.lastRule &&
    before.cancelledDecision === after.cancelledDecision &&
    before.acceptedDecision === after.acceptedDecision &&
    before.lastFailure === after.lastFailure
  )
}

function sameButPings(before: Live<'proven' | 'linked'>, after: Live<'proven' | 'linked'>): boolean {
  if (before.session !== after.session || before.since !== after.since) return false
  if (before.kind === 'linked') return after.kind === 'linked' && sameLinked(before, after)
  return after.kind === 'proven' && before.pending === after.pending
}

function sameLinked(before: Live<'linked'>, after: Live<'linked'>): boolean {
  return (
    before.agreed === after.agreed &&
    before.counts === after.counts &&
    before.round === after.round &&
    before.edge === after.edge &&
    before.result === after.result &&
    before.stableFrom === after.stableFrom &&
    before.askedAt === after.askedAt &&
    before.waiting === after.waiting
  )
}
