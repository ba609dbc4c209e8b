import { createHash, X509Certificate } from 'node:crypto'
import { hostname, networkInterfaces } from 'node:os'
import { isIP } from 'node:net'
import { HoldfastError } from '../../shared/model/failures'
import { after, type WallMs } from '../../shared/model/time'
import { makeAside, type CertificateAsk } from './certificates/aside'
import type { Pair } from './certificates/making'
import type { Clock, Logger, Random, Secrets } from './ports'

const DAY_MS = 86_400_000
/** Renewed when less than this is left. */
const LEAF_RENEW_MS = 130 * DAY_MS
const CHECK_EVERY_MS = DAY_MS / 2

/** What a TLS server presents: the leaf, then the authority, so that a joining edge can compare the authority with its code. */
export interface ServerIdentity {
  readonly chainPem: string
  readonly keyPem: string
  readonly notAfter: WallMs
}

export interface Authority extends AsyncDisposable {
  readonly caPem: string
  /** SHA-256 of the authority's certificate (DER), lower-case hex. */
  readonly caSha256: string
  identity(): ServerIdentity
  /** Called with each new identity; connections that are open keep the old one. */
  onRenewed(listener: (identity: ServerIdentity) => void): void
  /** Makes a new leaf now. */
  renew(): Promise<void>
}

export interface AuthorityOptions {
  secrets: Secrets
  clock: Clock
  random: Random
  logger: Logger
  /** Host names and addresses beside the machine's own (which `machineNames()` lists). */
  names: readonly string[]
  /** Bundle of `certificates/worker.ts`, where certificates are made; without it in this thread. */
  workerPath?: string
}

/** Opens the plane's certificate authority; makes it, and the server's certificate, when they are not there. The authority's key stays in `secrets`. */
export async function openAuthority(options: AuthorityOptions): Promise<Authority> {
  const { secrets, clock, random, logger, names, workerPath } = options
  const serial = () => '00' + Buffer.from(random.bytes(15)).toString('hex')
  const make = (by: Pair | null, altNames: readonly string[]) =>
    made(workerPath, { authority: by, names: altNames, now: clock.wall(), serialNumber: serial() })
  const authority =
    (await stored(secrets, 'authority/ca')) ?? (await keep(secrets, 'authority/ca', await make(null, [])))
  const ca = new X509Certificate(authority.certPem)
  const altNames = [...new Set([...names, 'localhost', '127.0.0.1', '::1'].map((name) => name.toLowerCase()))]
  const newLeaf = async () => {
    const fresh = await keep(secrets, 'authority/leaf', await make(authority, altNames))
    logger.log('info', 'Made a server certificate', {
      names: altNames,
      validUntil: new X509Certificate(fresh.certPem).validTo,
    })
    return fresh
  }
  const found = await stored(secrets, 'authority/leaf')
  let leaf = found !== null && isUsable(found, ca, altNames, clock.wall()) ? found : await newLeaf()

  const listeners: ((identity: ServerIdentity) => void)[] = []
  const identity = () => ({
    chainPem: leaf.certPem + '\n' + authority.certPem,
    keyPem: leaf.keyPem,
    notAfter: Date.parse(new X509Certificate(leaf.certPem).validTo) as WallMs,
  })
  let renewing: Promise<void> = Promise.resolve()
  const renew = () => {
    renewing = renewing.then(async () => {
      leaf = await newLeaf()
      for (const listener of listeners) listener(identity())
    })
    return renewing
  }
  let timer: Disposable
  const checkLater = () => {
    timer = clock.at(after(clock.mono(), CHECK_EVERY_MS), () => {
      checkLater()
      if (!isUsable(leaf, ca, altNames, clock.wall()))
        renew().catch((error: unknown) => logger.log('error', 'Could not renew the server certificate', { error }))
    })
  }
  checkLater()
  return {
    caPem: authority.certPem,
    caSha256: createHash('sha256').update(ca.raw).digest('hex'),
    identity,
    onRenewed: (listener) => void listeners.push(listener),
    renew,
    async [Symbol.asyncDispose]() {
      timer[Symbol.dispose]()
      await renewing.catch(() => {})
    },
  }
}

/** The names and addresses under which this machine can be reached. */
export function machineNames(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).map(({ address }) => address.split('%')[0]!),
  )
  return [hostname(), ...addresses].filter((name) => name !== '')
}

function isUsable(leaf: Pair, ca: X509Certificate, names: readonly string[], now: WallMs): boolean {
  const cert = new X509Certificate(leaf.certPem)
  const fitsNow = Date.parse(cert.validFrom) <= now && Date.parse(cert.validTo) - now >= LEAF_RENEW_MS
  return (
    fitsNow &&
    cert.checkIssued(ca) &&
    cert.verify(ca.publicKey) &&
    names.every((name) => (isIP(name) === 0 ? cert.checkHost(name) : cert.checkIP(name)) !== undefined)
  )
}

async function stored(secrets: Secrets, name: string): Promise<Pair | null> {
  const text = await secrets.get(name)
  if (text === null) return null
  try {
    const pair = JSON.parse(text) as Partial<Pair>
    new X509Certificate(pair.certPem ?? '')
    if (typeof pair.keyPem === 'string') return pair as Pair
  } catch {
    // Told below.
  }
  // Making a new authority silently would lock out every edge that pinned the old one.
  throw new HoldfastError('storage', `The stored certificate "${name}" cannot be read`, {
    hint: 'Restore the secrets folder from a backup.',
  })
}

async function keep(secrets: Secrets, name: string, pair: Pair): Promise<Pair> {
  await secrets.set(name, JSON.stringify(pair))
  return pair
}

async function made(workerPath: string | undefined, ask: CertificateAsk): Promise<Pair> {
  if (workerPath !== undefined) return makeAside(workerPath, ask)
  const { makeAuthority, makeLeaf } = await import('./certificates/making')
  const { authority, names, now, serialNumber } = ask
  return authority === null ? makeAuthority(now, serialNumber) : makeLeaf(authority, names, now, serialNumber)
}
