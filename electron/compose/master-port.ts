import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { masterApiUrl } from '../../shared/api/address'
import { failureOf } from '../../shared/model/failures'
import { consoleUrlOf, masterUrls, namesOf } from './master-addresses'
import type { Parts } from './parts'
import type { Enrolments } from '../link/enrolments'
import { listenWs, type WsListener } from '../link/ws-server'
import { machineNames, openAuthority, type Authority } from '../platform/authority'
import type { Logger, PortGuest } from '../platform/ports'
import { SecretsLocked } from '../platform/secrets'

/** The authority's certificate, in the data directory of a master that lets other machines in. Nothing secret. */
const AUTHORITY_FILE = 'authority.pem'

/** The one port of a master: edges link there, and clients and people of other machines are its guests. */
export class MasterPort {
  readonly #parts: Parts
  #port: number
  #isOpen = false
  #consoleUrl: string | null = null

  constructor(parts: Parts) {
    this.#parts = parts
    this.#port = parts.settings.linkPort
  }

  /** Where edges are told to find this master. */
  get urls(): string[] {
    return masterUrls(this.#parts.settings, this.#port)
  }

  /** Null: the port is not open. */
  get apiUrl(): string | null {
    return this.#isOpen ? masterApiUrl(this.urls[0]!) : null
  }

  /** Null: the console is not told to other machines. */
  get consoleUrl(): string | null {
    return this.#consoleUrl
  }

  async listen(authority: Authority, enrolments: Enrolments, guests: readonly PortGuest[]): Promise<WsListener> {
    const { settings, identity, version, clock, random, log } = this.#parts
    const listener = await listenWs({
      host: settings.linkHost,
      port: settings.linkPort,
      authority,
      planeId: identity.planeId,
      programVersion: version,
      directory: enrolments,
      joinDesk: enrolments,
      clock,
      random,
      logger: log.child('link'),
      guests,
    })
    this.#port = listener.port
    this.#isOpen = true
    return listener
  }

  /** With the authority beside it, which people who trust this master give to their browsers. */
  async tellConsole({ caPem }: Authority): Promise<void> {
    const { dataDir, log, changed } = this.#parts
    const file = path.join(dataDir, AUTHORITY_FILE)
    await writeFile(file, caPem)
    this.#consoleUrl = consoleUrlOf(this.urls[0]!)
    log.log('info', 'The console is open to other machines', { url: this.#consoleUrl, authority: file })
    changed()
  }
}

/** Under which the port is opened. Null: its key is locked. */
export async function openPortAuthority(parts: Parts): Promise<Authority | null> {
  const { secrets, clock, random, log, settings, program } = parts
  return await openAuthority({
    secrets,
    clock,
    random,
    logger: log.child('authority'),
    names: [...machineNames(), ...namesOf(settings.masterUrls)],
    workerPath: path.join(program.mainDir, 'certificate-worker.js'),
  }).catch((error: unknown) => withoutAuthority(log, error))
}

/** A new authority in place of one that is locked would shut out every edge for good. */
function withoutAuthority(log: Logger, error: unknown): null {
  if (!(error instanceof SecretsLocked)) throw error
  const { message, hint } = failureOf(error)
  log.log('error', 'The master serves its console alone: its authority is locked', { message, hint })
  return null
}
