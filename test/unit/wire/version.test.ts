import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { controlMessage } from '../../../shared/wire/control'
import * as handshake from '../../../shared/wire/handshake'
import * as messages from '../../../shared/wire/messages'
import { eventSchemas, requestSchemas } from '../../../shared/wire/requests'
import { CONTROL_PROTOCOL_VERSION, LINK_PROTOCOL_VERSION, LINK_PROTOCOL_VERSIONS } from '../../../shared/wire/version'

/**
 * What the schemas accepted when the version was given out. A change of a schema changes its hash: raise `LINK_PROTOCOL_VERSION`, add a line of history to
 * `shared/wire/version.ts`, and add the new version's hash here. The hash of a version that has been released is never replaced.
 */
const linkHashes: Record<number, string> = {
  1: 'c92b903e5fcf8086b1d640c1eba334f6',
  2: 'be305215255c8cf1727f240fe63ca73b',
  3: '2c2cef8d3a449b3e22406b8b5315ef31',
  4: '30eb3d1281236ea4a7fd8b40a5f069e0',
}
/** Control protocol 1 works between any two versions of Holdfast: this hash never changes. What you want to add belongs into the link protocol. */
const controlHash = '7fea2a94c675cc03af987d5a8013bc8c'

const inOrder = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(inOrder)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, inOrder(item)]),
  )
}
const schemaOf = (schema: z.ZodType) => inOrder(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }))
const hashOf = (description: unknown) =>
  createHash('sha256')
    .update(JSON.stringify(inOrder(description)))
    .digest('hex')
    .slice(0, 32)

const linkDescription = () => ({
  requests: Object.entries(requestSchemas).map(([name, { servedBy, params, result }]) => [
    name,
    servedBy,
    schemaOf(params),
    schemaOf(result),
  ]),
  events: Object.entries(eventSchemas).map(([name, body]) => [name, schemaOf(body)]),
})
const controlDescription = () => ({
  control: schemaOf(controlMessage),
  handshake: Object.entries(handshake)
    .filter(([, value]) => value instanceof z.ZodType)
    .map(([name, value]) => [name, schemaOf(value as z.ZodType)]),
  envelope: schemaOf(messages.envelope),
  frames: [messages.frames, messages.MESSAGE_DEPTH_MAX, messages.PARTIAL_MESSAGES_MAX],
})

describe('versions of the wire', () => {
  it('takes failures of codes it does not know for refusals', () => {
    const newer = { kind: 'failure', id: 1, failure: { code: 'invented-later', message: 'why', hint: 'what to do' } }
    expect(messages.envelope.parse(newer)).toEqual({ ...newer, failure: { ...newer.failure, code: 'refused' } })
    const known = { kind: 'failure', id: 1, failure: { code: 'stale-epoch', message: 'why' } }
    expect(messages.envelope.parse(known)).toEqual(known)
  })

  it('raises the link protocol version with every change of its schemas', () => {
    expect(
      hashOf(linkDescription()),
      'a schema of the link protocol has changed: raise LINK_PROTOCOL_VERSION and tell its history',
    ).toBe(linkHashes[LINK_PROTOCOL_VERSION])
  })

  it('never changes control protocol 1', () => {
    expect(CONTROL_PROTOCOL_VERSION).toBe(1)
    expect(hashOf(controlDescription()), 'control protocol 1 is frozen: undo this change').toBe(controlHash)
  })

  it('tells the history of every version in one line, newest offered first', () => {
    const source = readFileSync(path.resolve(import.meta.dirname, '../../../shared/wire/version.ts'), 'utf8')
    for (let version = 1; version <= LINK_PROTOCOL_VERSION; version++)
      expect(source).toMatch(new RegExp(`^ \\* ${version} \\(\\d+\\.\\d+\\.\\d+\\) \\S`, 'm'))
    expect(LINK_PROTOCOL_VERSIONS[0]).toBe(LINK_PROTOCOL_VERSION)
    expect(LINK_PROTOCOL_VERSIONS).toEqual([...LINK_PROTOCOL_VERSIONS].sort((a, b) => b - a))
  })

  it('sees a change of a bound, a field or a default', () => {
    const hashes = [
      z.object({ a: z.int().max(5) }),
      z.object({ a: z.int().max(6) }),
      z.object({ a: z.int().max(5).optional() }),
      z.object({ a: z.int().max(5).default(1) }),
    ].map((schema) => hashOf(schemaOf(schema)))
    expect(new Set(hashes).size).toBe(4)
  })
})
