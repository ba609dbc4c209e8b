import { describe, expect, it } from 'vitest'
import {
  holds,
  joinedSecret,
  proofs,
  rotatedSecret,
  transcript,
  type TranscriptFields,
} from '../../../electron/link/proof'

const bytes = (value: number) => Buffer.alloc(32, value)
const secret = bytes(0x5e)
const fields: TranscriptFields = {
  kind: 'edge',
  planeId: 'plane-1',
  edgeId: 'berlin',
  instanceId: 'instance-1',
  secretId: 'secret-1',
  versionsOffered: [2, 1],
  versionChosen: 1,
  clientNonce: bytes(0xc1),
  serverNonce: bytes(0x51),
  serverCertificate: bytes(0xce),
  exporter: bytes(0xe0),
}

describe('transcript', () => {
  it('is the label, then each field as length and bytes', () => {
    const text = (value: string) =>
      [value.length.toString(16).padStart(8, '0'), Buffer.from(value).toString('hex')].join('')
    const block = (value: number) => '00000020' + bytes(value).toString('hex')
    expect(transcript(fields).toString('hex')).toBe(
      [
        Buffer.from('holdfast-link/1').toString('hex'),
        ...['edge', 'plane-1', 'berlin', 'instance-1', 'secret-1', '2,1', '1'].map(text),
        ...[0xc1, 0x51, 0xce, 0xe0].map(block),
      ].join(''),
    )
  })

  it('says an absent exporter and an absent version as fields of length 0', () => {
    expect(
      transcript({ ...fields, exporter: null })
        .toString('hex')
        .endsWith(bytes(0xce).toString('hex') + '00000000'),
    ).toBe(true)
    expect(transcript({ ...fields, versionChosen: null }).includes(Buffer.from('00000003322c3100000000', 'hex'))).toBe(
      true,
    )
  })

  it('does not let bytes move from one field into the next', () => {
    expect(transcript({ ...fields, planeId: 'plane-1b', edgeId: 'erlin' })).not.toEqual(transcript(fields))
  })
})

describe('proofs', () => {
  // The vector was computed with an independent implementation of the transcript, HKDF (RFC 5869) and HMAC. It never changes: edges in the field prove with it.
  const vector = {
    server: '51caf0b23c35f9680881a11c17b65825b4f4429c302642672cce15acbffd35d5',
    client: '4163eb8bfc175be0b308eb387b8d7f5aa76949d5327a72a89bff143df8866be5',
  }

  it('gives the same proofs as ever for the fixed vector', () => {
    const { server, client } = proofs(secret, fields)
    expect({ server: server.toString('hex'), client: client.toString('hex') }).toEqual(vector)
  })

  const flipped: Record<keyof TranscriptFields, Partial<TranscriptFields>> = {
    kind: { kind: 'master' },
    planeId: { planeId: 'plane-2' },
    edgeId: { edgeId: 'hamburg' },
    instanceId: { instanceId: 'instance-2' },
    secretId: { secretId: 'secret-2' },
    versionsOffered: { versionsOffered: [1, 2] },
    versionChosen: { versionChosen: 2 },
    clientNonce: { clientNonce: bytes(0xc0) },
    serverNonce: { serverNonce: bytes(0x50) },
    serverCertificate: { serverCertificate: bytes(0xcf) },
    exporter: { exporter: null },
  }
  it.each(Object.entries(flipped))('do not hold when %s differs', (_field, change) => {
    const ours = proofs(secret, fields)
    const theirs = proofs(secret, { ...fields, ...change })
    expect(holds(ours.server, theirs.server.toString('hex'))).toBe(false)
    expect(holds(ours.client, theirs.client.toString('hex'))).toBe(false)
  })

  it('do not hold with another secret, cut short, reflected, or as text', () => {
    const ours = proofs(secret, fields)
    expect(holds(ours.server, proofs(bytes(0x5f), fields).server.toString('hex'))).toBe(false)
    expect(holds(ours.client, ours.server.toString('hex'))).toBe(false)
    expect(holds(ours.client, ours.client.toString('hex').slice(0, 62))).toBe(false)
    expect(holds(ours.client, '')).toBe(false)
    expect(holds(ours.client, 'not hex')).toBe(false)
    expect(holds(ours.client, ours.client.toString('hex'))).toBe(true)
  })
})

describe('derived secrets', () => {
  it('depend on every part of the exchange, on the edge and on the name of the secret', () => {
    const one = joinedSecret(secret, fields, 'berlin', 'join-1')
    expect(one).toHaveLength(32)
    expect(joinedSecret(secret, fields, 'berlin', 'join-1')).toEqual(one)
    for (const other of [
      joinedSecret(bytes(1), fields, 'berlin', 'join-1'),
      joinedSecret(secret, { ...fields, serverNonce: bytes(2) }, 'berlin', 'join-1'),
      joinedSecret(secret, fields, 'hamburg', 'join-1'),
      joinedSecret(secret, fields, 'berlin', 'join-2'),
    ])
      expect(other).not.toEqual(one)
    expect(rotatedSecret(secret, bytes(3), 's2')).not.toEqual(rotatedSecret(secret, bytes(4), 's2'))
    expect(rotatedSecret(secret, bytes(3), 's2')).not.toEqual(rotatedSecret(secret, bytes(3), 's3'))
  })
})
