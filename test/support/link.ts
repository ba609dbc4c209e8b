import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { inspect } from 'node:util'
import { CredentialStore } from '../../electron/link/credentials'
import { Enrolments, type EnrolmentsOptions } from '../../electron/link/enrolments'
import { joinMaster, type Joined } from '../../electron/link/joining'
import type { LinkDialer, LinkHandlers, LinkListener, LinkSession } from '../../electron/link/link'
import { loopback } from '../../electron/link/loopback'
import { wsDialer } from '../../electron/link/ws-client'
import { listenWs, type WsListener, type WsListenerOptions } from '../../electron/link/ws-server'
import { openAuthority, type Authority } from '../../electron/platform/authority'
import { systemClock } from '../../electron/platform/clock'
import { lineLogger } from '../../electron/platform/logger'
import type { Clock, Logger, Secrets } from '../../electron/platform/ports'
import { systemRandom } from '../../electron/platform/random'
import { fileSecrets } from '../../electron/platform/secrets'
import { openRecords } from '../../electron/records/sqlite'
import type { Failure } from '../../shared/model/failures'

export const PLANE_ID = 'plane-1'
export const EDGE_ID = 'berlin'
export const PROGRAM_VERSION = '0.1.0'

/** Everything ever logged, and the logger that collects it. */
export function capturedLog(): { lines: string[]; logger: Logger } {
  const lines: string[] = []
  const stream = new Writable({ write: (chunk: Buffer, _encoding, done) => (lines.push(chunk.toString()), done()) })
  return { lines, logger: lineLogger(stream, { clock: systemClock(), level: 'debug' }) }
}

/** Remembers every value ever kept, as it would look in a log. */
function remembering(secrets: Secrets, seen: Set<string>): Secrets {
  return {
    ...secrets,
    set(name, value) {
      for (const [hex] of value.matchAll(/(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g)) {
        const bytes = Buffer.from(hex, 'hex')
        for (const form of [
          hex,
          hex.toUpperCase(),
          bytes.toString('base64').slice(0, 40),
          bytes.toString('base64url').slice(0, 40),
        ])
          seen.add(form)
      }
      for (const [, line] of value.matchAll(/BEGIN PRIVATE KEY-----\\n([A-Za-z0-9+/=]{40,})/g)) seen.add(line!)
      return secrets.set(name, value)
    },
  }
}

/** A master's side of the link on a free port, with real secrets, records and certificates in a temporary folder. */
export interface LinkPlace extends AsyncDisposable {
  readonly folder: string
  readonly lines: string[]
  readonly logger: Logger
  readonly authority: Authority
  readonly secrets: Secrets
  readonly enrolments: Enrolments
  readonly listener: WsListener
  /** Edges that exist; removing one is deleting its document. */
  readonly edges: Map<string, { name: string; epochFloor: number }>
  /** The next session the listener hands out. */
  session(): Promise<LinkSession>
  readonly edgeCredentials: CredentialStore
  /** Each secret that any side of this place ever kept, in the forms it could take in a log. */
  readonly seenSecrets: ReadonlySet<string>
  /** Enrolments can be read but not written while it is true. */
  breakRows(isBroken: boolean): void
  /** What a restarted master knows. */
  enrolmentsAgain(): Enrolments
  /** Another machine's store. */
  otherCredentials(): CredentialStore
  join(code: string, options?: { instanceId?: string; credentials?: CredentialStore }): Promise<Joined>
  dialer(options?: {
    instanceId?: string
    credentials?: CredentialStore
    versions?: readonly number[]
  }): Promise<LinkDialer>
  /** Joins, dials and returns both ends. */
  linked(): Promise<{ edge: LinkSession; master: LinkSession }>
}

export interface PlaceOptions {
  clock?: Clock
  /** Replaces the address in join codes, e.g. by a proxy's. */
  urlPort?: (port: number) => number
  listener?: Partial<WsListenerOptions>
  admission?: NonNullable<EnrolmentsOptions['admission']>
}

export async function linkPlace(options: PlaceOptions = {}): Promise<LinkPlace> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-link-'))
  const { lines, logger } = capturedLog()
  const clock = options.clock ?? systemClock()
  const random = systemRandom()
  const seenSecrets = new Set<string>()
  const storeOf = (name: string) => remembering(fileSecrets(path.join(folder, name)), seenSecrets)
  const secrets = storeOf('master')
  const authority = await openAuthority({ secrets, clock, random, logger, names: [] })
  const records = openRecords(path.join(folder, 'records.db'))
  const { saveEnrolment } = records
  const edges = new Map([[EDGE_ID, { name: 'Berlin', epochFloor: 1 }]])
  let port = 0
  const enrolmentsOptions: EnrolmentsOptions = {
    ...{ rows: records, secrets, clock, random, logger, caSha256: authority.caSha256 },
    masterUrls: () => [`wss://127.0.0.1:${options.urlPort?.(port) ?? port}`],
    edge: (id) => edges.get(id) ?? null,
    ...(options.admission === undefined ? {} : { admission: options.admission }),
  }
  const enrolments = new Enrolments(enrolmentsOptions)
  const listener = await listenWs({
    ...{ host: '127.0.0.1', port: 0, authority, planeId: PLANE_ID, programVersion: PROGRAM_VERSION },
    ...{ directory: enrolments, joinDesk: enrolments, clock, random, logger, ...options.listener },
  }).catch(async (error: unknown) => {
    await authority[Symbol.asyncDispose]()
    await records[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  port = listener.port
  const waiting: ((session: LinkSession) => void)[] = []
  const sessions: LinkSession[] = []
  listener.onSession((session) => {
    const next = waiting.shift()
    if (next === undefined) sessions.push(session)
    else next(session)
  })
  const edgeCredentials = new CredentialStore(storeOf('edge'))
  /** Errors are shown to people: they count as log. */
  const noted = async <T>(attempt: Promise<T>): Promise<T> => {
    try {
      return await attempt
    } catch (error) {
      lines.push(inspect(error, { depth: 5 }))
      throw error
    }
  }
  const place: LinkPlace = {
    ...{ folder, lines, logger, authority, secrets, enrolments, listener, edges, edgeCredentials, seenSecrets },
    breakRows(isBroken) {
      records.saveEnrolment = isBroken
        ? () => {
            throw new Error('disk full')
          }
        : saveEnrolment
    },
    enrolmentsAgain: () => new Enrolments(enrolmentsOptions),
    otherCredentials: () => new CredentialStore(storeOf('other')),
    session() {
      const ready = sessions.shift()
      return ready === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(ready)
    },
    join: (code, { instanceId = 'instance-1', credentials = edgeCredentials } = {}) =>
      noted(
        joinMaster({
          code,
          instanceId,
          timeZone: 'Europe/Berlin',
          programVersion: PROGRAM_VERSION,
          credentials,
          clock: systemClock(),
          random,
          logger,
        }),
      ),
    async dialer({ instanceId = 'instance-1', credentials = edgeCredentials, versions } = {}) {
      const given = versions === undefined ? {} : { versions }
      const dialer = await wsDialer({
        credentials,
        instanceId,
        programVersion: PROGRAM_VERSION,
        clock: systemClock(),
        random,
        logger,
        ...given,
      })
      return {
        get url() {
          return dialer.url
        },
        dial: (signal) => noted(dialer.dial(signal)),
      }
    },
    async linked() {
      await place.join((await enrolments.invite({ id: EDGE_ID }, { actor: 'console:ada' })).code)
      return connect(await place.dialer(), place.session())
    },
    async [Symbol.asyncDispose]() {
      await listener[Symbol.asyncDispose]()
      await enrolments[Symbol.asyncDispose]()
      await authority[Symbol.asyncDispose]()
      await records[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return place
}

const neverAborts = new AbortController().signal

/** Dials and gives both ends. */
export async function connect(dialer: LinkDialer, masterEnd: Promise<LinkSession>, signal: AbortSignal = neverAborts) {
  const edge = await dialer.dial(signal)
  return { edge, master: await masterEnd }
}

/** Both ends of a link of one kind, for the contract suite. */
export interface LinkPair extends AsyncDisposable {
  readonly listener: LinkListener
  readonly dialer: LinkDialer
  connect(): Promise<{ edge: LinkSession; master: LinkSession }>
  /** Failure that the master's directory answers from now on for open sessions. */
  setStanding(failure: Failure | null): void
}

export async function wsPair(): Promise<LinkPair> {
  let standing: Failure | null = null
  const place = await linkPlace()
  const original = place.enrolments.standing.bind(place.enrolments)
  place.enrolments.standing = (peer) => standing ?? original(peer)
  await place.join((await place.enrolments.invite({ id: EDGE_ID }, { actor: 'console:ada' })).code)
  const dialer = await place.dialer()
  return {
    listener: place.listener,
    dialer,
    connect: () => connect(dialer, place.session()),
    setStanding: (failure) => void (standing = failure),
    [Symbol.asyncDispose]: () => place[Symbol.asyncDispose](),
  }
}

export async function loopbackPair(): Promise<LinkPair> {
  let standing: Failure | null = null
  const { logger } = capturedLog()
  const link = loopback({
    ...{ planeId: PLANE_ID, edgeId: EDGE_ID, instanceId: 'instance-1', programVersion: PROGRAM_VERSION },
    ...{
      clock: systemClock(),
      random: systemRandom(),
      logger,
      directory: { admit: () => null, standing: () => standing },
    },
  })
  const arrived: ((session: LinkSession) => void)[] = []
  link.listener.onSession((session) => arrived.shift()?.(session))
  return {
    listener: link.listener,
    dialer: link.dialer,
    connect: () => connect(link.dialer, new Promise((resolve) => arrived.push(resolve))),
    setStanding: (failure) => void (standing = failure),
    [Symbol.asyncDispose]: () => link[Symbol.asyncDispose](),
  }
}

/** Handlers that refuse what a test did not expect. */
export function handlers(own: Partial<LinkHandlers> = {}): LinkHandlers {
  return {
    control: () => {},
    request: () => Promise.reject(new Error('no request was expected')),
    event: () => {},
    ...own,
  }
}
