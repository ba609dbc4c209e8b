import { monoMs, wallMs } from '../../../shared/model/time'
import type { EdgeFacts } from '../../../shared/model/control'
import type { ControlMessage } from '../../../shared/wire/control'
import { newMaster, stepMaster } from '../../../electron/core/control/master'
import type { MasterContext, MasterInput, MasterState } from '../../../electron/core/control/master-state'
import { enrolledControl, type StoredControl } from '../../../electron/core/control/stored'
import { NOW, request } from './edge-fixtures'

export { NOW, request }

export function masterContext(now: number): MasterContext {
  return {
    now: monoMs(now),
    wall: wallMs(now),
    freshId: `d${now}`,
    edgeId: 'berlin',
    failover: true,
    timeoutMs: 20_000,
    stableForMs: 10_000,
    paused: false,
    draining: false,
    enrolled: true,
    window: () => null,
    journalHead: 1,
  }
}

export const message = (content: ControlMessage): MasterInput => ({ type: 'message', message: content })
export const sessionOf = ({ link }: MasterState) => (link.kind === 'none' ? 's1' : link.session)

export function edgeFacts(up: boolean, holder: 'edge' | 'master' = 'edge'): EdgeFacts {
  return {
    devicesUp: up,
    devicesConnected: up ? 2 : 0,
    devicesTotal: 2,
    record: { holder, epoch: 1, agreedEpoch: 1, decisionId: null, intent: null },
    floor: 1,
    instanceId: 'i',
    bootId: 'b',
    journalSeq: 1,
    drivingForMs: up ? 1_000 : null,
  }
}

type Next = (state: MasterState) => MasterInput
export const negotiates =
  (up: boolean, journalSeq = 1): Next =>
  (state) =>
    message({
      type: 'negotiate',
      session: sessionOf(state),
      round: 1,
      edge: { ...edgeFacts(up), journalSeq },
    })

export const agrees =
  (agreed: boolean): Next =>
  (state) => {
    const { link } = state
    const result = link.kind === 'linked' ? link.result : null
    const rule = result?.verdict.rule ?? 'T6'
    const winner = result?.verdict.winner ?? 'edge'
    return message({
      type: 'agree',
      session: sessionOf(state),
      round: 1,
      decisionId: result?.decisionId ?? 'none',
      agreed,
      rule: agreed ? rule : 'T1',
      winner,
      drivesAtEpoch: winner === 'edge' ? 1 : null,
    })
  }

const proven: MasterInput = { type: 'sessionProven', session: 's1' }
const lost: Next = (state) => ({ type: 'linkLost', session: sessionOf(state), reason: 'closed' })
const restores: Next = (state) => ({ type: 'switchAsked', request: request('edge', state) })
/** The newest ping is answered. */
export const pong: Next = ({ link }) =>
  message({ type: 'pong', n: link.kind === 'none' ? 0 : (link.pings.sent.at(-1)?.n ?? 0) })

const enrolled = enrolledControl(wallMs(0))
/** The master had taken over. */
const holds: StoredControl = {
  ...enrolled,
  record: { ...enrolled.record, holder: 'master', epoch: 2 },
  floor: 2,
}

function reach(
  stored: StoredControl,
  booted: boolean,
  ...inputs: (MasterInput | Next | 'wake' | { afterMs: number; then: Next | MasterInput })[]
): { state: MasterState; now: number; wakeAt: number | null } {
  let now = NOW
  let state = newMaster(stored, monoMs(now), booted)
  let wakeAt: number | null = null
  for (const each of inputs) {
    let next: MasterInput | Next
    if (each === 'wake') {
      now = wakeAt ?? now
      next = { type: 'wake' }
    } else if (typeof each !== 'function' && 'then' in each) {
      now += each.afterMs
      next = each.then
    } else next = each
    const step = stepMaster(state, typeof next === 'function' ? next(state) : next, masterContext(now))
    state = step.state
    wakeAt = step.wakeAt
  }
  return { state, now, wakeAt }
}

const stopped: MasterInput = { type: 'modulesStopped' }
const linkedDriving = [proven, negotiates(false), agrees(true)]
const handing = [...linkedDriving, restores]
const keptAlive = [
  { afterMs: 1_000, then: { type: 'wake' } as const },
  { afterMs: 0, then: pong },
  { afterMs: 1_000, then: { type: 'wake' } as const },
  { afterMs: 0, then: pong },
]

export const masterStates = {
  'loading/none': reach(enrolled, false),
  'loading/proven': reach(enrolled, false, proven),
  /** The edge waits for `ready`. */
  'loading/asked': reach(holds, false, proven, negotiates(false)),
  'loading/linked': reach(enrolled, false, proven, negotiates(true), agrees(true)),
  'idle/none': reach(enrolled, true, { type: 'documentChanged' }),
  'idle/proven': reach(enrolled, true, proven),
  'idle/told': reach(enrolled, true, proven, negotiates(true)),
  'idle/linked': reach(enrolled, true, proven, negotiates(true), agrees(true)),
  /** Holds control, and the edge has not agreed yet. */
  'claimed/told': reach(holds, true, proven, negotiates(false)),
  'driving/none': reach(enrolled, true, { type: 'documentChanged' }, 'wake'),
  'driving/proven': reach(enrolled, true, { type: 'documentChanged' }, 'wake', proven),
  'driving/told': reach(enrolled, true, { type: 'documentChanged' }, 'wake', proven, negotiates(false)),
  'driving/linked': reach(holds, true, ...linkedDriving),
  'leased/none': reach(holds, true, ...linkedDriving, lost),
  'stopping/none': reach(holds, true, ...linkedDriving, lost, { afterMs: 3_000, then: { type: 'wake' } }),
  'stopping/linked': reach(holds, true, ...linkedDriving, negotiates(true), agrees(true)),
  'syncing/linked': reach(holds, true, proven, negotiates(false, 0), agrees(true), restores),
  'releasing/linked': reach(holds, true, ...handing),
  'offered/linked': reach(holds, true, ...handing, stopped),
  'cancelling/linked': reach(holds, true, ...handing, stopped, ...keptAlive, {
    afterMs: 2_000,
    then: { type: 'wake' },
  }),
} as const
export type MasterKind = keyof typeof masterStates

export function masterKindOf({ tenure, link, booted, stored }: MasterState): string {
  const reached =
    link.kind === 'linked'
      ? link.agreed
        ? 'linked'
        : 'told'
      : link.kind === 'proven' && link.pending
        ? 'asked'
        : link.kind
  const drives =
    tenure.kind === 'handingBack'
      ? tenure.phase === 'stopping'
        ? 'releasing'
        : tenure.phase
      : tenure.kind === 'driving' && tenure.lease !== null && link.kind === 'none'
        ? 'leased'
        : tenure.kind === 'stopping' && tenure.thenDrive
          ? 'resuming'
          : tenure.kind === 'idle' && !booted
            ? 'loading'
            : tenure.kind === 'idle' && stored.record.holder === 'master'
              ? 'claimed'
              : tenure.kind
  return `${drives}/${reached}`
}
