import crypto, { type webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import type { WallMs } from '../../../shared/model/time'

const DAY_MS = 86_400_000
const AUTHORITY_VALID_MS = 20 * 365 * DAY_MS
/** Browsers refuse leaves that are valid for longer than 398 days. */
const LEAF_VALID_MS = 390 * DAY_MS
/** Clocks of the two sides may differ. */
const BACKDATE_MS = DAY_MS
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/** A certificate and its private key (PKCS 8), both PEM. */
export interface Pair {
  certPem: string
  keyPem: string
}

/** Loaded when a certificate is made: most starts need none. */
async function loadX509() {
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  x509.cryptoProvider.set(foreign(crypto.webcrypto))
  return x509
}

/** Node's and the page's descriptions of the same Web Crypto objects differ in details that do not matter here. */
const foreign = (value: unknown) => value as never

const newKeys = () => crypto.webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const body = Buffer.from(await crypto.webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return ['-----BEGIN PRIVATE KEY-----', ...(body.match(/.{1,64}/g) ?? []), '-----END PRIVATE KEY-----', ''].join('\n')
}

/** A certificate authority of its own, valid from a day ago for 20 years. `serialNumber`: hex. */
export async function makeAuthority(now: WallMs, serialNumber: string): Promise<Pair> {
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

/** A server certificate for names and addresses, valid from a day ago for 390 days. `serialNumber`: hex. */
export async function makeLeaf(
  authority: Pair,
  names: readonly string[],
  now: WallMs,
  serialNumber: string,
): Promise<Pair> {
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(authority.certPem)
  const der = Buffer.from(authority.keyPem.replace(/-----[^-]+-----|\s/g, ''), 'base64')
  const signingKey = await crypto.webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
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
