import type { OperationOutput, OperationParams } from '../../shared/console/contract'
import type { Decision } from '../../shared/model/control'
import { failureOf, HoldfastError } from '../../shared/model/failures'
import { beginControl, joinWith } from './edge-joining'
import { makeEdgeRole } from './edge-role'
import type { EdgeStores } from './edge-stores'
import type { Parts } from './parts'
import type { EdgeRole } from '../edge/edge-role'
import type { EdgeCredentials } from '../link/credentials'
import type { Joined } from '../link/joining'
import type { LinkDialer } from '../link/link'
import { wsDialer } from '../link/ws-client'
import type { Logger } from '../platform/ports'

/** As which edge this controller runs its site: as none before it has joined a master, as another one when a join code makes it that. */
export class EdgeEnrolment implements AsyncDisposable {
  readonly #parts: Parts
  readonly #stores: EdgeStores
  #role: EdgeRole | null = null
  #dialer: MasterDialer | null = null
  #isJoining = false
  readonly #decided = new Set<(decision: Decision) => void>()

  constructor(parts: Parts, stores: EdgeStores) {
    this.#parts = parts
    this.#stores = stores
  }

  /** Null: it has not joined a master. */
  get role(): EdgeRole | null {
    return this.#role
  }

  /** Of whichever edge it is. */
  onDecision(listener: (decision: Decision) => void): () => void {
    this.#decided.add(listener)
    return () => void this.#decided.delete(listener)
  }

  /** Runs the site as the edge of the stored credentials. */
  async begin(): Promise<void> {
    const { log, identity } = this.#parts
    const stores = this.#stores
    const joined = await stores.credentials.load().catch((error: unknown) => lastKnown(stores, log, error))
    if (joined === null) {
      log.log('warn', 'This edge has not joined a master yet', { hint: 'holdfast join CODE' })
      return
    }
    // Said before a crash, too.
    if (joined.dropBacklog === true) await leaveEnrolment(stores, log, true)
    const dialer = new MasterDialer(this.#parts, stores)
    await dialer.renew().catch(() => {})
    const role = makeEdgeRole(this.#parts, stores, dialer, {
      edgeId: joined.edgeId,
      edgeName: joined.edgeName,
      instanceId: identity.nodeId,
      enrolmentId: enrolmentOf(this.#parts, joined),
    })
    this.#dialer = dialer
    this.#role = role
    role.onDecision((decision) => {
      for (const listener of this.#decided) listener(decision)
    })
    role.start()
    this.#parts.changed()
  }

  async join({
    code,
    replace,
    dropBacklog,
  }: OperationParams<'enrolment.join'>): Promise<OperationOutput<'enrolment.join'>> {
    // Whom its master has shut out has nothing to leave.
    if (this.#role !== null && !replace && !isShutOut(this.#role)) {
      throw new HoldfastError('conflict', `This controller is the edge "${this.#role.name}" already.`, {
        hint: 'Use --replace to leave its master for another one.',
      })
    }
    if (this.#isJoining) throw new HoldfastError('busy', 'A join code is being used already.', { retryAfterMs: 5_000 })
    this.#isJoining = true
    try {
      const joined = await joinWith(this.#parts, this.#stores.credentials, { code, dropBacklog })
      await this.#takeUp(joined, dropBacklog)
      return { edgeId: joined.edgeId, edgeName: joined.edgeName, masterUrl: joined.masterUrls[0] ?? '' }
    } finally {
      this.#isJoining = false
    }
  }

  /** The new credentials are stored. The same edge again needs no more than a new address: its devices are driven on. */
  async #takeUp(joined: Joined, dropBacklog: boolean): Promise<void> {
    const { clock, log } = this.#parts
    const stores = this.#stores
    beginControl(stores.records, joined, clock.wall())
    if (this.#role?.edgeId === joined.edgeId && this.#dialer !== null) {
      await leaveEnrolment(stores, log, dropBacklog)
      const enrolmentId = enrolmentOf(this.#parts, await stores.credentials.load())
      stores.named({ edgeId: joined.edgeId, enrolmentId })
      await this.#dialer.renew()
      this.#role?.control.session?.close('joined again')
      return
    }
    const former = this.#role
    this.#role = null
    await former?.end()
    if (!dropBacklog) await leaveEnrolment(stores, log, false)
    await this.begin()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#role?.end()
  }
}

/** The way to the master by the credentials as they were read last. */
class MasterDialer implements LinkDialer {
  readonly #parts: Parts
  readonly #stores: Pick<EdgeStores, 'credentials'>
  /** Null: the credentials could not be read. */
  #current: LinkDialer | null = null

  constructor(parts: Parts, stores: Pick<EdgeStores, 'credentials'>) {
    this.#parts = parts
    this.#stores = stores
  }

  get url(): string {
    return this.#current?.url ?? ''
  }

  // What could not be read before is tried at each attempt, which says what is wrong.
  async dial(signal: AbortSignal): ReturnType<LinkDialer['dial']> {
    return (this.#current ?? (await this.renew())).dial(signal)
  }

  /** Reads the credentials anew. */
  async renew(): Promise<LinkDialer> {
    const { identity, clock, random, log, version } = this.#parts
    return (this.#current = await wsDialer({
      credentials: this.#stores.credentials,
      instanceId: identity.nodeId,
      programVersion: version,
      clock,
      random,
      logger: log.child('link'),
    }))
  }
}

/** Enrolments of earlier versions had no name of their own. */
const enrolmentOf = ({ identity }: Pick<Parts, 'identity'>, joined: Pick<EdgeCredentials, 'enrolmentId'> | null) =>
  joined?.enrolmentId ?? identity.nodeId

const isShutOut = ({ control }: EdgeRole): boolean => /^(removed|revoked):/.test(control.state.lastFailure ?? '')

/**
 * The credentials cannot be read, perhaps because the key store that sealed them is locked. The site is driven all the same, by the one record of control there
 * is. Throws `error` where it is not plain which edge this is.
 */
function lastKnown(
  { records, replica }: EdgeStores,
  log: Logger,
  error: unknown,
): Pick<EdgeCredentials, 'edgeId' | 'edgeName' | 'enrolmentId' | 'dropBacklog'> {
  const all = [...records.all().keys()]
  // Of a machine that was another edge before, the documents tell which one it is.
  const [edgeId, ...others] = all.length === 1 ? all : all.filter((id) => replica.get('edge', id) !== null)
  if (edgeId === undefined || others.length > 0) throw error
  const { code, message, hint } = failureOf(error)
  log.log('error', 'The site is driven without a link: its credentials cannot be read', { code, message, hint })
  return { edgeId, edgeName: replica.get('edge', edgeId)?.body.name ?? edgeId }
}

/** A buffer that cannot be written is no reason to leave a site to nobody: what is to be given up stays, unpushed, until the next start tries again. */
async function leaveEnrolment(
  { telemetry, credentials }: EdgeStores,
  log: Logger,
  dropBacklog: boolean,
): Promise<void> {
  try {
    await telemetry.enrolmentOver({ dropBacklog })
    if (dropBacklog) await credentials.backlogDropped()
  } catch (error) {
    const reason = failureOf(error).message
    log.log('error', 'The buffer could not leave an earlier enrolment', { dropBacklog, reason })
  }
}
