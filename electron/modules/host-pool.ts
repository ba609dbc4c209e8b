import type { WallMs } from '../../shared/model/time'
import type { Clock, Logger } from '../platform/ports'
import type { HostLedger } from './host-ledger'
import type { FromHost, ToHost } from './host-messages'
import { ProcessHost, type HostEnd, type HostLaunch } from './process-host'
import type { Permit } from './runtime'

/** Looks in a row, one a second, that found nothing new heard: the host's modules count as unknown; then it is killed. */
const SILENT_LOOKS = 3
const DEAD_LOOKS = 10

export interface PoolListener {
  message(host: number, message: FromHost): void
  ended(host: number, end: HostEnd): void
  /** A host fell silent or answers again. */
  signChanged(host: number): void
}

export interface PoolOptions {
  readonly launch: HostLaunch
  readonly heapMib: number
  readonly title: string
  readonly clock: Clock
  readonly logger: Logger
  readonly ledger: HostLedger
}

interface Member {
  readonly process: ProcessHost
  /** On the ledger: only then it gets a permit. */
  isRecorded: boolean
  wasSilent: boolean
  heardSeq: number
  silentLooks: number
}

/** The host processes of one set, by number: forks them, keeps them in the ledger, passes permits on. */
export class HostPool {
  readonly #options: PoolOptions
  readonly #permit: () => Permit | null
  readonly #listener: PoolListener
  readonly #members = new Map<number, Member>()

  constructor(options: PoolOptions, permit: () => Permit | null, listener: PoolListener) {
    this.#options = options
    this.#permit = permit
    this.#listener = listener
  }

  get size(): number {
    return this.#members.size
  }

  pids(): readonly number[] {
    return [...this.#members.values()].flatMap(({ process }) => process.pid ?? [])
  }

  has(host: number): boolean {
    return this.#members.has(host)
  }

  sign(host: number): { heardAt: WallMs; isSilent: boolean } | null {
    const member = this.#members.get(host)
    return member ? { heardAt: member.process.heardAt, isSilent: member.wasSilent } : null
  }

  fork(host: number): void {
    const { launch, heapMib, title, clock, ledger, logger } = this.#options
    const member: Member = {
      isRecorded: false,
      wasSilent: false,
      heardSeq: 0,
      silentLooks: 0,
      process: new ProcessHost(launch, heapMib, title, clock, {
        message: (message) => this.#listener.message(host, message),
        ended: (end) => this.#ended(host, end),
      }),
    }
    this.#members.set(host, member)
    const { pid } = member.process
    if (pid === undefined) return
    const recorded = () => {
      member.isRecorded = true
      if (this.#members.get(host) === member) this.#beat(member)
    }
    // Without its entry a host still ends by itself when it loses us: a full disk does not stop the site.
    ledger.add(pid).then(recorded, (error: unknown) => {
      logger.log('warn', 'module host not recorded', { pid, error: String(error) })
      recorded()
    })
  }

  send(host: number, message: ToHost): void {
    this.#members.get(host)?.process.send(message)
  }

  /** Passes the present permit on to every host, or a beat where there is none. */
  renew(): void {
    for (const member of this.#members.values()) this.#beat(member)
  }

  /** Once per second, after the beats: who answers? Counted in our own looks, so that our own standing still proves nothing. */
  look(): void {
    for (const [host, member] of this.#members) {
      const { heardSeq } = member.process
      member.silentLooks = heardSeq === member.heardSeq ? member.silentLooks + 1 : 0
      member.heardSeq = heardSeq
      if (member.silentLooks >= DEAD_LOOKS) member.process.kill()
      const isSilent = member.silentLooks >= SILENT_LOOKS
      if (isSilent === member.wasSilent) continue
      member.wasSilent = isSilent
      this.#listener.signChanged(host)
    }
  }

  async closeGate(): Promise<void> {
    await Promise.all([...this.#members.values()].map(({ process }) => process.close()))
  }

  kill(host: number): void {
    this.#members.get(host)?.process.kill()
  }

  killAll(): void {
    for (const { process } of this.#members.values()) process.kill()
  }

  /** Resolves when every host that lives now is dead and off the ledger. */
  async allEnded(): Promise<void> {
    await Promise.all([...this.#members.values()].map(({ process }) => process.told))
    await this.#options.ledger.settled()
  }

  #beat(member: Member): void {
    member.process.beat(member.isRecorded ? this.#permit() : null)
  }

  #ended(host: number, end: HostEnd): void {
    const pid = this.#members.get(host)?.process.pid
    this.#members.delete(host)
    if (pid !== undefined) this.#options.ledger.remove(pid).catch(() => {})
    this.#listener.ended(host, end)
  }
}
