import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'

export const PROOF_LABEL = 'holdfast-link/1'
const KEY_BYTES = 32

/** Everything both sides must have seen alike for a proof to hold, in the order of the transcript. */
export interface TranscriptFields {
  /** The declared kind of the connection, or `enrol` for a joining. */
  kind: string
  planeId: string
  /** Empty for a joining: the edge is not known yet. */
  edgeId: string
  instanceId: string
  /** For a joining: the token's id. */
  secretId: string
  /** As sent, in the order sent. */
  versionsOffered: readonly number[]
  /** Null: none fits. */
  versionChosen: number | null
  clientNonce: Uint8Array
  serverNonce: Uint8Array
  /** SHA-256 of the server's leaf certificate (DER), as this side sees it. Empty where there is no TLS. */
  serverCertificate: Uint8Array
  /** 32 bytes of `EXPORTER-Channel-Binding`. Null where the runtime gives none; both sides must then lack it, or no proof holds. */
  exporter: Uint8Array | null
}

/**
 * The label, then each field as 4-byte big-endian length and bytes. Texts are UTF-8; offered versions are decimal, joined by commas; a chosen version is
 * decimal; what is absent (no version fits, no exporter) is a field of length 0.
 */
export function transcript(fields: TranscriptFields): Buffer {
  const parts = [
    fields.kind,
    fields.planeId,
    fields.edgeId,
    fields.instanceId,
    fields.secretId,
    fields.versionsOffered.join(','),
    fields.versionChosen === null ? '' : String(fields.versionChosen),
    fields.clientNonce,
    fields.serverNonce,
    fields.serverCertificate,
    fields.exporter ?? '',
  ].map((part) => (typeof part === 'string' ? Buffer.from(part, 'utf8') : part))
  const lengthOf = (part: Uint8Array) => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(part.byteLength)
    return length
  }
  return Buffer.concat([Buffer.from(PROOF_LABEL, 'utf8'), ...parts.flatMap((part) => [lengthOf(part), part])])
}

/** The proofs of one connection. Two keys, so that neither side's proof can be reflected as the other's. */
export interface Proofs {
  readonly server: Buffer
  /** Covers the server's proof as well. */
  readonly client: Buffer
}

export function proofs(secret: Uint8Array, fields: TranscriptFields): Proofs {
  const text = transcript(fields)
  const server = hmac(derive(secret, fields.planeId, 'holdfast server'), text)
  return { server, client: hmac(derive(secret, fields.planeId, 'holdfast client'), Buffer.concat([text, server])) }
}

/** Constant-time; `given` is hex as it came. */
export function holds(expected: Uint8Array, given: string): boolean {
  const bytes = Buffer.from(given, 'hex')
  return bytes.byteLength === expected.byteLength && timingSafeEqual(bytes, expected)
}

/** The secret an edge gets by joining. Both sides derive it from the token and the proven exchange, so that it never travels. */
export function joinedSecret(token: Uint8Array, fields: TranscriptFields, edgeId: string, secretId: string): Buffer {
  const exchange = createHash('sha256').update(transcript(fields)).update(proofs(token, fields).client).digest()
  return derive(token, exchange, `holdfast edge secret\0${edgeId}\0${secretId}`)
}

/** The successor of a secret. Whoever holds the old secret still cannot know it without the salt, which travels inside the proven link. */
export function rotatedSecret(secret: Uint8Array, salt: Uint8Array, secretId: string): Buffer {
  return derive(secret, salt, `holdfast rotated secret\0${secretId}`)
}

const hmac = (key: Uint8Array, text: Uint8Array) => createHmac('sha256', key).update(text).digest()
const derive = (key: Uint8Array, salt: Uint8Array | string, purpose: string) =>
  Buffer.from(hkdfSync('sha256', key, salt, purpose, KEY_BYTES))
