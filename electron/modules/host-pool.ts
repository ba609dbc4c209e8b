import type { WallMs } from '../../shared/model/time'
import type { Clock, Logger } from '../platform/ports'
import type { HostLedger } from './host-ledger'
import type { FromHost, ToHost } from './host-messages'
import type { HostStarts } from './host-starts'
import { ProcessHost, type HostEnd, type HostLaunch } from './process-host'
import type { Permit } from './runtime'

/** Looks in a row, one a second, that found nothing new heard: the host's modules count as unknown; then it is killed. */
const SILENT_LOOKS = 3
const DEAD_LOOKS = 10
/** A spare that ends by itself is replaced so often, until the next one is taken or asked for anew. */
const SPARE_ENDS_MAX = 3

export interface PoolListener {
  message(host: number, message: FromHost): void
  ended(host: number, end: HostEnd): void
  /** A host fell silent or answers again. */
  signChanged(host: number): void
}

/** Spares of all sets of one controller together: an edge that gets none only starts a little later. */
export interface SpareRoom {
  taken: number
  readonly most: number
}

export interface PoolOptions {
  readonly launch: HostLaunch
  readonly heapMib: number
  readonly title: string
  readonly clock: Clock
  readonly logger: Logger
  readonly ledger: HostLedger
  readonly spares: SpareRoom
  /** Of all sets of one controller together. */
  readonly starts: HostStarts
}

interface Member {
  readonly process: ProcessHost
  /** Null: the spare, which gets no permit. */
  host: number | null
  /** On the ledger: only then it gets a permit. */
  isRecorded: boolean
  wasSilent: boolean
  heardSeq: number
  silentLooks: number
  /** What the spare said of itself, for whoever it is given to. */
  readonly unheard: FromHost[]
  /** The newest line that the spare had answered when it was taken; null: it never was a spare. */
  takenAtSeq: number | null
  /** It can take modules, or is dead. */
  readonly ready: PromiseWithResolvers<void>
}

/**
 * The host processes of one set, by number: forks them, keeps them in the ledger, passes permits on. May keep one spare: started, recorded and watched like
 * the others, but without modules and without a permit until `fork` takes it.
 */
export class HostPool {
  readonly #options: PoolOptions
  readonly #permit: () => Permit | null
  readonly #listener: PoolListener
  readonly #members = new Map<number, Member>()
  #spare: Member | null = null
  #isSpareWanted = false
  #spareEnds = 0
  /** Killed, but not gone yet. */
  readonly #ending = new Set<Member>()

  constructor(options: PoolOptions, permit: () => Permit | null, listener: PoolListener) {
    this.#options = options
    this.#permit = permit
    this.#listener = listener
  }

  get size(): number {
    return this.#members.size
  }

  /** Nothing lives that has to be looked at. */
  get isIdle(): boolean {
    return this.#members.size === 0 && this.#spare === null
  }

  pids(): readonly number[] {
    return [...this.#members.values()].flatMap(({ process }) => process.pid ?? [])
  }

  get sparePid(): number | null {
    return this.#spare?.process.pid ?? null
  }

  has(host: number): boolean {
    return this.#members.has(host)
  }

  sign(host: number): { heardAt: WallMs; isSilent: boolean } | null {
    const member = this.#members.get(host)
    return member ? { heardAt: member.process.heardAt, isSilent: member.wasSilent } : null
  }

  /** A new host, or the spare. */
  fork(host: number): void {
    const spare = this.#takeSpare()
    const member = spare ?? this.#start()
    member.host = host
    this.#members.set(host, member)
    if (spare === null) return
    this.#spareEnds = 0
    member.takenAtSeq = member.process.heardSeq
    this.#beat(member)
    for (const message of member.unheard.splice(0)) this.#listener.message(host, message)
  }

  /** Idempotent. Asked for anew, a spare is tried again where it had ended too often. */
  keepSpare(isWanted: boolean): void {
    if (isWanted && !this.#isSpareWanted) this.#spareEnds = 0
    this.#isSpareWanted = isWanted
    if (!isWanted) return this.#endSpare()
    const { spares } = this.#options
    if (this.#spare !== null || this.#spareEnds >= SPARE_ENDS_MAX || spares.taken >= spares.most) return
    spares.taken += 1
    this.#spare = this.#start()
  }

  #takeSpare(): Member | null {
    const spare = this.#spare
    this.#spare = null
    if (spare) this.#options.spares.taken -= 1
    return spare
  }

  #endSpare(): void {
    const spare = this.#takeSpare()
    if (spare === null) return
    this.#ending.add(spare)
    spare.process.kill()
  }

  /** At once where there is none. */
  async spareReady(): Promise<void> {
    await this.#spare?.ready.promise
  }

  #start(): Member {
    const { launch, heapMib, title, clock, ledger, logger, starts } = this.#options
    const member: Member = {
      host: null,
      isRecorded: false,
      wasSilent: false,
      heardSeq: 0,
      silentLooks: 0,
      unheard: [],
      takenAtSeq: null,
      ready: Promise.withResolvers(),
      process: new ProcessHost(launch, heapMib, title, clock, {
        message: (message) => this.#heard(member, message),
        ended: (end) => this.#ended(member, end),
      }),
    }
    starts.note(member.ready.promise, member.process.ended)
    const { pid } = member.process
    if (pid === undefined) return member
    const recorded = () => {
      member.isRecorded = true
      if (member.host !== null && this.#members.get(member.host) === member) this.#beat(member)
    }
    // Without its entry a host still ends by itself when it loses us: a full disk does not stop the site.
    ledger.add(pid).then(recorded, (error: unknown) => {
      logger.log('warn', 'module host not recorded', { pid, error: String(error) })
      recorded()
    })
    return member
  }

  send(host: number, message: ToHost): void {
    this.#members.get(host)?.process.send(message)
  }

  /** Passes the present permit on to every host, or a beat where there is none. */
  renew(): void {
    for (const member of this.#members.values()) this.#beat(member)
    if (this.#spare) this.#beat(this.#spare)
  }

  /** Once per second, after the beats: who answers? Counted in our own looks, so that our own standing still proves nothing. */
  look(): void {
    for (const [host, member] of this.#members) if (isOtherSign(member)) this.#listener.signChanged(host)
    // Of no use to anybody, once it has been heard at all.
    if (this.#spare && isOtherSign(this.#spare) && this.#spare.heardSeq > 0) this.#spare.process.kill()
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

  /** Resolves when every host that lives now, and whatever was a spare, is dead and off the ledger. */
  async allEnded(): Promise<void> {
    await Promise.all([...this.#members.values(), ...this.#ending].map(({ process }) => process.told))
    await this.#options.ledger.settled()
  }

  #beat(member: Member): void {
    member.process.beat(member.host !== null && member.isRecorded ? this.#permit() : null)
  }

  #heard(member: Member, message: FromHost): void {
    if (message.type === 'ready') member.ready.resolve()
    if (member.host !== null) this.#listener.message(member.host, message)
    else if (message.type === 'ready') member.unheard.push(message)
    else this.#options.logger.log('warn', 'spare module host speaks', { message: message.type })
  }

  #ended(member: Member, end: HostEnd): void {
    const { pid } = member.process
    member.ready.resolve()
    this.#ending.delete(member)
    if (pid !== undefined) this.#options.ledger.remove(pid).catch(() => {})
    if (member.host === null) return this.#spareEnded(member, end)
    this.#members.delete(member.host)
    // Dead before it was taken: no module of it is to blame.
    const wasDead = member.takenAtSeq === member.process.heardSeq && end.suspect === null
    this.#listener.ended(member.host, wasDead ? { ...end, wasKilled: true } : end)
  }

  #spareEnded(member: Member, { code, signal, errorText }: HostEnd): void {
    if (this.#spare !== member) return
    this.#takeSpare()
    this.#spareEnds += 1
    this.#options.logger.log('warn', 'spare module host ended', { code, signal, errorText, ends: this.#spareEnds })
    if (this.#isSpareWanted) this.keepSpare(true)
  }
}

/** Notes whether the host was heard since the last look, and ends one that is not heard any more; true: it fell silent just now, or answers again. */
function isOtherSign(member: Member): boolean {
  const { heardSeq } = member.process
  member.silentLooks = heardSeq === member.heardSeq ? member.silentLooks + 1 : 0
  member.heardSeq = heardSeq
  if (member.silentLooks >= DEAD_LOOKS) member.process.kill()
  const isSilent = member.silentLooks >= SILENT_LOOKS
  if (isSilent === member.wasSilent) return false
  member.wasSilent = isSilent
  return true
}
