import { monoMs } from '../../../shared/model/time'
import type { ControlMessage } from '../../../shared/wire/control'
import type { EdgeInput, EdgeState, SwitchRequest } from '../../../electron/core/control/edge-state'
import { newMaster, stepMaster } from '../../../electron/core/control/master'
import {
  isMasterDriving,
  masterPermit,
  type MasterContext,
  type MasterInput,
  type MasterState,
} from '../../../electron/core/control/master-state'
import { enrolledControl } from '../../../electron/core/control/stored'
import type { ControlOutput } from '../../../electron/core/control/turn'
import { Controller, START, type Breakage, type Permit } from './controller'
import type { ListeningEnd } from './network'
import type { Site } from './site'

/** What is changed on purpose: a variant that the walk must catch. */
export interface Breakages {
  readonly edge?: Breakage<EdgeState, EdgeInput>
  readonly master?: Breakage<MasterState, MasterInput>
  /** A proven edge that is refused for another reason is treated as dead. */
  readonly refusalIsDeath?: boolean
  readonly masterContext?: (context: MasterContext) => MasterContext
}

/** The driver of the master's machine. */
export class MasterController extends Controller<MasterState, MasterInput> implements ListeningEnd {
  session: string | null = null
  protected readonly wake = { type: 'wake' } as const
  protected readonly timeGap = { type: 'timeGap' } as const
  readonly breakages: Breakages
  readonly site: Site

  constructor(site: Site, broken: Breakages) {
    super('master', enrolledControl(START), site, broken.master ?? {})
    this.site = site
    this.breakages = broken
  }

  protected fresh(stored: MasterState['stored']): MasterState {
    this.session = null
    const { life } = this
    const ready = this.chance.happens(0.5) ? 6_000 : this.chance.between(500, 6_000)
    this.timeline.in(ready, () => {
      if (this.life !== life) return
      this.judge.watchBegins()
      this.site.disturbed()
      this.input({ type: 'ready' })
    })
    return newMaster(stored, monoMs(this.timeline.now), false)
  }
  protected step(state: MasterState, input: MasterInput) {
    if (input.type === 'forced' && state.link.kind === 'none') this.judge.excuse()
    // Seen by the master: until here the timer must not have run.
    if (this.site.paused || !this.site.document.failover) this.judge.watchBegins()
    return stepMaster(state, input, this.context())
  }
  protected permit(): Permit | null {
    return masterPermit(this.state, monoMs(this.timeline.now))
  }
  protected storageFailed(input: MasterInput): MasterInput {
    return { type: 'storageFailed', input, reason: 'disk full' }
  }
  protected modulesStopped(): void {
    this.input({ type: 'modulesStopped' })
  }
  protected stepped(): void {
    const { link } = this.state
    if (link.kind !== 'none') this.judge.watchBegins()
    this.site.stepped()
  }

  context(): MasterContext {
    const { site } = this
    const { document } = site
    const wall = site.masterWall()
    const context: MasterContext = {
      now: monoMs(this.timeline.now),
      wall,
      freshId: site.freshId(),
      edgeId: 'berlin',
      failover: document.failover,
      timeoutMs: document.timeoutMs,
      stableForMs: document.stableForMs,
      paused: site.paused,
      draining: false,
      enrolled: true,
      window: () => site.window(wall),
      journalHead: document.revision,
    }
    return this.breakages.masterContext ? this.breakages.masterContext(context) : context
  }

  protected perform(output: ControlOutput): void {
    switch (output.type) {
      case 'send':
        if (output.message.type === 'result') this.site.decided(output.message)
        if (this.session !== null) this.site.network.send('master', this.session, output.message)
        return
      case 'closeLink': {
        const { session } = this
        this.session = null
        if (session !== null) this.site.network.close('master', session)
        return
      }
      case 'report':
        if (output.event === 'disagreement') this.judge.fail('disagreement', output.detail)
        return
      case 'dial':
      case 'abandonAttempt':
      case 'startModules':
      case 'answerSwitch':
      case 'refused':
      case 'persist':
      case 'keep':
      case 'openGate':
      case 'closeGate':
      case 'stopModules':
    }
  }

  dialled(session: string): string | null {
    const { refuses } = this.site
    if (refuses === 'unproven') return 'not-proven'
    if (refuses === 'version') {
      if (!this.breakages.refusalIsDeath) this.input({ type: 'provenRefusal', reason: 'version-mismatch' })
      this.judge.watchBegins()
      return 'version-mismatch'
    }
    const older = this.session
    this.session = session
    if (older !== null) this.site.network.close('master', older)
    this.site.network.opened(session)
    this.judge.proven()
    this.input({ type: 'sessionProven', session })
    return null
  }
  received(session: string, message: ControlMessage): void {
    if (this.session === session) this.input({ type: 'message', message })
  }
  closed(session: string): void {
    if (this.session === session) this.session = null
    this.input({ type: 'linkLost', session, reason: 'closed' })
  }

  ask(request: SwitchRequest): void {
    const drives = isMasterDriving(this.state)
    if (request.target === 'master' && !drives) {
      if (this.site.document.failover && this.state.link.kind === 'linked' && this.session !== null)
        this.site.network.send('master', this.session, { type: 'switch', session: this.session, ...request })
    } else if (!(request.target === 'edge' && this.state.stored.record.holder === 'edge' && !drives))
      this.input({ type: 'switchAsked', request })
  }
}
