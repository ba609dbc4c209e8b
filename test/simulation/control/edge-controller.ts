import { monoMs, wallMs } from '../../../shared/model/time'
import type { ControlMessage } from '../../../shared/wire/control'
import { newEdge, stepEdge } from '../../../electron/core/control/edge'
import {
  edgePermit,
  type EdgeContext,
  type EdgeInput,
  type EdgeState,
  type SwitchRequest,
} from '../../../electron/core/control/edge-state'
import { enrolledControl } from '../../../electron/core/control/stored'
import type { ControlOutput } from '../../../electron/core/control/turn'
import { Controller, START, type Breakage, type Permit } from './controller'
import type { DialingEnd } from './network'
import type { Site } from './site'

/** The driver of the edge's machine. */
export class EdgeController extends Controller<EdgeState, EdgeInput> implements DialingEnd {
  session: string | null = null
  dialling: string | null = null
  devicesReachable = true
  started = false
  protected readonly wake = { type: 'wake' } as const
  protected readonly timeGap = { type: 'timeGap' } as const

  readonly site: Site

  constructor(site: Site, broken: Breakage<EdgeState, EdgeInput>) {
    super('edge', enrolledControl(START), site, broken)
    this.site = site
  }

  protected fresh(stored: EdgeState['stored']): EdgeState {
    this.session = null
    this.dialling = null
    this.started = false
    return newEdge(stored, monoMs(this.timeline.now))
  }
  protected step(state: EdgeState, input: EdgeInput) {
    if (input.type === 'message' && state.link.kind !== 'waiting') {
      const { type } = input.message
      if (type === 'result' || type === 'loading' || state.link.kind === 'linked') this.judge.masterAnswered()
    }
    return stepEdge(state, input, this.context())
  }
  protected permit(): Permit | null {
    const permit = edgePermit(this.state)
    return permit === null ? null : { epoch: permit.epoch, until: null }
  }
  protected storageFailed(input: EdgeInput): EdgeInput {
    return { type: 'storageFailed', input, reason: 'disk full' }
  }
  protected modulesStopped(): void {
    this.started = false
    this.input({ type: 'devices', started: false, connected: 0, total: 2 })
    this.input({ type: 'modulesStopped' })
  }
  protected stepped(): void {
    this.site.stepped()
  }

  context(): EdgeContext {
    const { site } = this
    return {
      now: monoMs(this.timeline.now),
      wall: wallMs(START + this.timeline.now + site.wallOffset.edge),
      freshId: site.freshId(),
      jitterMs: this.chance.between(0, 300),
      edgeId: 'berlin',
      instanceId: 'i',
      bootId: `b${this.life}`,
      journalSeq: site.edgeDocument.revision,
      failover: site.edgeDocument.failover,
    }
  }

  protected perform(output: ControlOutput): void {
    switch (output.type) {
      case 'send':
        if (this.session !== null) this.site.network.send('edge', this.session, output.message)
        return
      case 'dial':
        this.dialling = this.site.network.dial()
        return
      case 'abandonAttempt':
      case 'closeLink':
        return this.drop()
      case 'startModules':
        return this.startModules()
      case 'report':
        if (output.event === 'disagreement') this.judge.fail('disagreement', output.detail)
        return
      case 'answerSwitch':
      case 'refused':
      case 'persist':
      case 'keep':
      case 'openGate':
      case 'closeGate':
      case 'stopModules':
    }
  }

  private startModules(): void {
    const { life } = this
    this.timeline.in(this.chance.between(20, 600), () => {
      if (this.life !== life || this.state.tenure.kind !== 'driving') return
      this.started = true
      this.tellDevices()
    })
  }
  tellDevices(): void {
    if (!this.started) return
    this.input({ type: 'devices', started: true, connected: this.devicesReachable ? 2 : 0, total: 2 })
  }

  private drop(): void {
    const session = this.session ?? this.dialling
    this.session = null
    this.dialling = null
    if (session !== null) this.site.network.close('edge', session)
  }

  proven(session: string): void {
    if (this.dialling !== session) return this.site.network.close('edge', session)
    this.dialling = null
    this.session = session
    this.input({ type: 'attemptProven', session })
  }
  failed(reason: string): void {
    if (this.dialling === null) return
    this.dialling = null
    this.input({ type: 'attemptFailed', reason })
  }
  received(session: string, message: ControlMessage): void {
    if (this.session === session) this.input({ type: 'message', message })
  }
  closed(session: string): void {
    if (this.session === session) this.session = null
    this.input({ type: 'linkLost', session, reason: 'closed' })
  }

  ask(request: SwitchRequest): void {
    if (request.target === 'master' || this.state.stored.record.holder === 'edge')
      this.input({ type: 'switchAsked', request })
    else if (this.state.link.kind === 'linked' && this.session !== null)
      this.site.network.send('edge', this.session, { type: 'switch', session: this.session, ...request })
  }
}
