import { HoldfastError } from '../../shared/model/failures'
import { LINK_PROTOCOL_VERSION } from '../../shared/wire/version'
import type { Clock, Logger, Random } from '../platform/ports'
import type { EdgeDirectory } from './enrolment'
import type { LinkDialer, LinkListener, LinkSession, ProvenRefusal } from './link'
import { FrameSession } from './session'
import type { Frame, FrameTransport, TransportHandlers } from './transport'

const ADDRESS = 'in this process'

export interface LoopbackOptions {
  planeId: string
  edgeId: string
  instanceId: string
  programVersion: string
  clock: Clock
  random: Random
  logger: Logger
  /** As of the listener over TLS, without the proof: both ends are the same process. */
  directory?: Pick<EdgeDirectory, 'admit' | 'standing'>
}

/** Both ends of the link of a `standalone` controller: the same sessions, codec and checks as over TLS, without a socket. */
export interface Loopback extends AsyncDisposable {
  readonly listener: LinkListener
  readonly dialer: LinkDialer
  /** False: the cable is pulled. Nothing arrives at either end, and neither is told; what was sent arrives when it is plugged in again. */
  setConnected(connected: boolean): void
}

export function loopback(options: LoopbackOptions): Loopback {
  const cable = new Cable()
  const listener = new LoopbackListener()
  const dialer: LinkDialer = {
    url: 'loopback:',
    async dial(signal) {
      await cable.connected(signal)
      return listener.accept(options, cable)
    },
  }
  return {
    listener,
    dialer,
    setConnected: (connected) => cable.setConnected(connected),
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]()
      cable.end()
    },
  }
}

class LoopbackListener implements LinkListener {
  readonly #onSession: ((session: LinkSession) => void)[] = []
  readonly #onProvenRefusal: ((refusal: ProvenRefusal) => void)[] = []
  readonly #sessions = new Set<LinkSession>()
  readonly #ends = new Set<LoopbackTransport>()
  #isDisposed = false

  onSession(listener: (session: LinkSession) => void): void {
    this.#onSession.push(listener)
  }
  onProvenRefusal(listener: (refusal: ProvenRefusal) => void): void {
    this.#onProvenRefusal.push(listener)
  }
  /** Nobody else can dial. */
  onUnprovenDial(): void {}

  /** Connects both ends and returns the edge's. */
  accept(
    { planeId, edgeId, instanceId, programVersion, clock, random, logger, directory }: LoopbackOptions,
    cable: Cable,
  ): LinkSession {
    if (this.#isDisposed) throw new HoldfastError('unreachable', 'The master of this process is stopping')
    const failure = directory?.admit({ edgeId, secretId: '', instanceId, programVersion, address: ADDRESS }) ?? null
    if (failure !== null) {
      for (const listener of this.#onProvenRefusal) listener({ edgeId, failure })
      const { code, message, ...more } = failure
      throw new HoldfastError(code, message, more)
    }
    const [edgeEnd, masterEnd] = transportPair(cable)
    const shared = { id: random.id(), clock, logger }
    const peer = { edgeId, programVersion, address: ADDRESS, version: LINK_PROTOCOL_VERSION }
    const edge = new FrameSession({
      ...shared,
      side: 'edge',
      peer: { ...peer, instanceId: planeId },
      transport: edgeEnd,
    })
    const standing = () => directory?.standing({ edgeId, instanceId }) ?? null
    const master = new FrameSession({
      ...shared,
      side: 'master',
      peer: { ...peer, instanceId },
      transport: masterEnd,
      standing,
    })
    this.#sessions.add(master)
    this.#ends.add(edgeEnd).add(masterEnd)
    void Promise.all([master.closed, edge.closed]).then(() => {
      this.#sessions.delete(master)
      this.#ends.delete(edgeEnd)
      this.#ends.delete(masterEnd)
    })
    for (const listener of this.#onSession) listener(master)
    return edge
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    const sessions = [...this.#sessions]
    for (const session of sessions) session.close('The master is stopping')
    await Promise.all(sessions.map(({ closed }) => closed))
    for (const end of this.#ends) end.cut('The master is stopping')
  }
}

/** Whether anything gets through, and who waits for it. */
class Cable {
  #isConnected = true
  #isEnded = false
  readonly #waiting = new Set<() => void>()

  get isConnected(): boolean {
    return this.#isConnected
  }

  setConnected(connected: boolean): void {
    this.#isConnected = connected
    if (connected) this.#wake()
  }

  end(): void {
    this.#isEnded = true
    this.#wake()
  }

  /** Calls once, when the cable is plugged in. */
  whenConnected(call: () => void): void {
    this.#waiting.add(call)
  }

  /** Rejects with `timeout` when the signal comes first, like an address that does not answer. */
  connected(signal: AbortSignal): Promise<void> {
    const outcome = () => {
      if (signal.aborted) throw new HoldfastError('timeout', 'The master of this process does not answer')
      if (this.#isEnded) throw new HoldfastError('unreachable', 'The master of this process is stopping')
    }
    if (signal.aborted || this.#isConnected || this.#isEnded) return Promise.resolve().then(outcome)
    return new Promise<void>((resolve) => {
      const settle = () => {
        this.#waiting.delete(settle)
        signal.removeEventListener('abort', settle)
        resolve()
      }
      this.#waiting.add(settle)
      signal.addEventListener('abort', settle, { once: true })
    }).then(outcome)
  }

  #wake(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const call of waiting) call()
  }
}

function transportPair(cable: Cable): [LoopbackTransport, LoopbackTransport] {
  const one = new LoopbackTransport(cable)
  const other = new LoopbackTransport(cable)
  one.connect(other)
  other.connect(one)
  return [one, other]
}

/**
 * One end. Frames arrive in a later turn of the event loop, as from a socket. Like a socket it holds what cannot be delivered; the sessions bound it: data
 * waits for acknowledgements, control messages end a link on which they pile up.
 */
class LoopbackTransport implements FrameTransport {
  readonly address = ADDRESS
  #far: LoopbackTransport | null = null
  #handlers: TransportHandlers | null = null
  readonly #cable: Cable
  /** On the way to the far end. */
  #sent: Frame[] = []
  #sentBytes = 0
  #isClosing = false
  #isScheduled = false
  #ended: string | null = null

  constructor(cable: Cable) {
    this.#cable = cable
  }

  connect(far: LoopbackTransport): void {
    this.#far = far
  }

  get unsentBytes(): number {
    return this.#sentBytes
  }

  send(frame: Frame): void {
    if (this.#isClosing || this.#ended !== null) return
    this.#sent.push(frame)
    this.#sentBytes += frame.data.length
    this.#schedule()
  }

  listen(handlers: TransportHandlers): void {
    this.#handlers = handlers
    if (this.#ended !== null) handlers.closed(this.#ended, null)
  }

  /** This end is gone in the next turn; the far one when what was sent has arrived. */
  close(): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#schedule()
    setImmediate(() => this.#end('closed'))
  }

  /** Ends without a word to anyone but this side. */
  cut(reason: string): void {
    this.#isClosing = true
    this.#end(reason)
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#deliver())
  }

  #deliver(): void {
    if (!this.#cable.isConnected) return this.#cable.whenConnected(() => this.#deliver())
    this.#isScheduled = false
    const frames = this.#sent
    this.#sent = []
    this.#sentBytes = 0
    for (const frame of frames) this.#far!.#receive(frame)
    if (this.#isClosing) this.#far!.#end('closed')
  }

  #receive(frame: Frame): void {
    if (this.#ended === null) this.#handlers?.frame(frame)
  }

  #end(reason: string): void {
    if (this.#ended !== null) return
    this.#ended = reason
    this.#isClosing = true
    this.#handlers?.closed(reason, null)
  }
}
