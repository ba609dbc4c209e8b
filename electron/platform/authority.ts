import { createHash, webcrypto, X509Certificate } from 'node:crypto'
import { hostname, networkInterfaces } from 'node:os'
import { isIP } from 'node:net'
import { HoldfastError } from '../../shared/model/failures'
import { after, type WallMs } from '../../shared/model/time'
import type { Clock, Logger, Random, Secrets } from './ports'

const DAY_MS = 86_400_000
const AUTHORITY_VALID_MS = 20 * 365 * DAY_MS
/** Browsers refuse leaves that are valid for longer than 398 days. */
const LEAF_VALID_MS = 390 * DAY_MS
/** Renewed when less than this is left. */
const LEAF_RENEW_MS = 130 * DAY_MS
const CHECK_EVERY_MS = DAY_MS / 2
/** Clocks of the two sides may differ. */
const BACKDATE_MS = DAY_MS
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

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
}

interface Pair {
  certPem: string
  keyPem: string
}

/** Opens the plane's certificate authority; makes it, and the server's certificate, when they are not there. The authority's key stays in `secrets`. */
export async function openAuthority({ secrets, clock, random, logger, names }: AuthorityOptions): Promise<Authority> {
  const serial = () => '00' + Buffer.from(random.bytes(15)).toString('hex')
  const authority =
    (await stored(secrets, 'authority/ca')) ??
    (await keep(secrets, 'authority/ca', await makeAuthority(clock.wall(), serial())))
  const ca = new X509Certificate(authority.certPem)
  const altNames = [...new Set([...names, 'localhost', '127.0.0.1', '::1'].map((name) => name.toLowerCase()))]
  const newLeaf = async () => {
    const made = await keep(secrets, 'authority/leaf', await makeLeaf(authority, altNames, clock.wall(), serial()))
    logger.log('info', 'Made a server certificate', {
      names: altNames,
      validUntil: new X509Certificate(made.certPem).validTo,
    })
    return made
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

/** Loaded when a certificate is made: most starts need none, and edges never do. */
async function loadX509() {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  x509.cryptoProvider.set(foreign(webcrypto))
  return x509
}

/** Node's and the page's descriptions of the same Web Crypto objects differ in details that do not matter here. */
const foreign = (value: unknown) => value as never

const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const body = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return ['-----BEGIN PRIVATE KEY-----', ...(body.match(/.{1,64}/g) ?? []), '-----END PRIVATE KEY-----', ''].join('\n')
}

async function makeAuthority(now: WallMs, serialNumber: string): Promise<Pair> {
  const x509 = await loadX509()
  const keys = await newKeys()
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber,
    name: 'CN=Holdfast control plane',
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + AUTHORITY_VALID_MS),
    signingAlgorithm: algorithm,
    keys: foreign(keys),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(foreign(keys.publicKey)),
    ],
  })
  return { certPem: cert.toString('pem'), keyPem: await privatePem(keys.privateKey) }
}

async function makeLeaf(authority: Pair, names: readonly string[], now: WallMs, serialNumber: string): Promise<Pair> {
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(authority.certPem)
  const der = Buffer.from(authority.keyPem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
  const keys = await newKeys()
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber,
    subject: 'CN=Holdfast controller',
    issuer: issuer.subject,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + LEAF_VALID_MS),
    signingKey: foreign(signingKey),
    publicKey: foreign(keys.publicKey),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export()),
    ],
  })
  return { certPem: cert.toString('pem'), keyPem: await privatePem(keys.privateKey) }
}
