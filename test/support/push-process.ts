import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { outboxRules } from '../../electron/core/replication/outbox'
import { Push } from '../../electron/edge/push'
import { CredentialStore } from '../../electron/link/credentials'
import { Enrolments } from '../../electron/link/enrolments'
import { joinMaster } from '../../electron/link/joining'
import type { LinkSession } from '../../electron/link/link'
import { wsDialer } from '../../electron/link/ws-client'
import { listenWs } from '../../electron/link/ws-server'
import { Ingest } from '../../electron/master/ingest'
import type { Outbox } from '../../electron/outbox/outbox'
import { openOutbox } from '../../electron/outbox/sqlite'
import { openAuthority } from '../../electron/platform/authority'
import { systemClock } from '../../electron/platform/clock'
import type { Logger } from '../../electron/platform/ports'
import { systemRandom } from '../../electron/platform/random'
import { fileSecrets } from '../../electron/platform/secrets'
import { openRecords } from '../../electron/records/sqlite'
import { openTelemetryStores } from '../../electron/telemetry/sqlite'
import type { TelemetryStores } from '../../electron/telemetry/telemetry'

/** The data path of a master and of an edge as processes of their own: real files, real TLS, nothing else. */
export const PUSHING_EDGE = 'berlin'
const PROGRAM_VERSION = '0.1.0'
const REDIAL_MS = 30

export const quiet: Logger = {
  log: (level, message, fields) => {
    if (level === 'error') console.error(message, fields)
  },
  child: () => quiet,
}

export interface MasterProcess {
  readonly port: number
  readonly stores: TelemetryStores
  readonly ingest: Ingest
  invite(): Promise<string>
}

export async function masterProcess(
  folder: string,
  port: number,
  around: (stores: TelemetryStores) => TelemetryStores = (stores) => stores,
  openMax?: number,
): Promise<MasterProcess> {
  const clock = systemClock()
  const random = systemRandom()
  const secrets = fileSecrets(path.join(folder, 'master-secrets'))
  const authority = await openAuthority({ secrets, clock, random, logger: quiet, names: [] })
  const records = openRecords(path.join(folder, 'master-records.db'))
  mkdirSync(path.join(folder, 'telemetry'), { recursive: true })
  const limits = openMax === undefined ? {} : { openMax }
  const stores = around(openTelemetryStores(path.join(folder, 'telemetry'), { clock, ...limits }))
  const ingest = new Ingest({ stores, clock, logger: quiet })
  let bound = port
  const enrolments = new Enrolments({
    ...{ rows: records, secrets, clock, random, logger: quiet, caSha256: authority.caSha256 },
    masterUrls: () => [`wss://127.0.0.1:${bound}`],
    edge: () => ({ name: 'Berlin', epochFloor: 1 }),
  })
  const listener = await listenWs({
    ...{ host: '127.0.0.1', port, authority, planeId: 'plane-1', programVersion: PROGRAM_VERSION },
    ...{ directory: enrolments, joinDesk: enrolments, clock, random, logger: quiet },
  })
  bound = listener.port
  listener.onSession((session) =>
    session.open({
      control: () => {},
      event: () => {},
      request: (async (name: string, params: never) => {
        if (name !== 'receiveBatch') throw new Error(`${name} was not expected`)
        return ingest.receive(session.peer.edgeId, params)
      }) as never,
    }),
  )
  return {
    port: bound,
    stores,
    ingest,
    invite: async () => (await enrolments.invite({ id: PUSHING_EDGE }, { actor: 'test' })).code,
  }
}

export interface EdgeProcess {
  readonly outbox: Outbox
  readonly push: Push
  readonly session: LinkSession | null
}

/** Joins with the code if it has not joined yet, then keeps a link. */
export async function edgeProcess(
  folder: string,
  code: string,
  around: {
    outbox?: (outbox: Outbox) => Outbox
    session?: (session: LinkSession) => LinkSession
  } = {},
): Promise<EdgeProcess> {
  const clock = systemClock()
  const random = systemRandom()
  const credentials = new CredentialStore(fileSecrets(path.join(folder, 'edge-secrets')))
  const base = { instanceId: 'instance-1', programVersion: PROGRAM_VERSION, credentials, clock, random, logger: quiet }
  if ((await credentials.load()) === null) await joinMaster({ ...base, code, timeZone: 'Europe/Berlin' })
  const real = openOutbox(path.join(folder, 'outbox.db'), {
    ...{ clock, random, logger: quiet, rules: outboxRules },
    identity: () => ({ sourceId: 'edge-1', edgeId: PUSHING_EDGE, enrolmentId: 'instance-1' }),
    reserveBytes: 1024 * 1024,
  })
  const outbox = around.outbox?.(real) ?? real
  const push = new Push({ outbox, clock, random, logger: quiet })
  const dialer = await wsDialer(base)
  const edge: { outbox: Outbox; push: Push; session: LinkSession | null } = { outbox, push, session: null }
  const dial = async (): Promise<void> => {
    for (;;) {
      try {
        const dialled = await dialer.dial(new AbortController().signal)
        const session = around.session?.(dialled) ?? dialled
        session.open({ control: () => {}, event: () => {}, request: () => Promise.reject(new Error('none expected')) })
        edge.session = session
        push.linkUp(session)
        await session.closed
        edge.session = null
      } catch {
        // The master is away: the next attempt.
      }
      await new Promise((resolve) => setTimeout(resolve, REDIAL_MS))
    }
  }
  void dial()
  return edge
}
