import { describe, expect, test } from 'vitest'
import { checkDocuments } from '../../../electron/core/documents/check'
import type { CurrentDocuments } from '../../../electron/core/documents/current'
import { documentContext } from '../../support/documents'

const empty: CurrentDocuments = { get: () => null, list: () => [] }
const mail = { type: 'email', host: 'mail.example.com', from: 'a@example.com', to: ['b@example.com'] }
const hook = { type: 'webhook', url: 'https://alerts.example/hook' }

function problemsOf(...documents: readonly Record<string, unknown>[]): string[] {
  const puts = documents.map((fields, n) => {
    const body = { id: `c${n}`, name: `C${n}`, ...fields }
    return { op: 'put' as const, kind: 'channel' as const, body: body as never }
  })
  const outcome = checkDocuments(puts, empty, documentContext)
  return outcome.ok
    ? []
    : 'problems' in outcome
      ? outcome.problems.map(({ field, message }) => `${field}: ${message}`)
      : []
}

describe('channels', () => {
  test('of either type are taken with what they need', () => {
    const login = { username: 'u', password: { secretRef: 'smtp' } }
    expect(problemsOf(mail, hook, { ...mail, ...login }, { ...hook, url: { secretRef: 'hook' } })).toEqual([])
  })

  test.each([
    [{ type: 'email' }, ['host', 'from', 'to']],
    [{ type: 'webhook' }, ['url']],
    [{ ...mail, password: { secretRef: 'smtp' } }, ['username']],
    [{ ...mail, security: 'none', username: 'u', password: { secretRef: 'smtp' } }, ['security']],
    [{ ...mail, password: 'open sesame', username: 'u' }, ['password']],
    [{ ...mail, to: ['b@example.com\r\nBcc: c@example.com'] }, ['to.0']],
    [{ ...mail, from: 'Ops <a@example.com>' }, ['from']],
    [{ ...hook, url: 'https://alerts.example/hook?token=abc' }, ['url']],
    [{ ...hook, url: 'https://user:pass@alerts.example/' }, ['url']],
    [{ ...hook, headers: { Authorization: 'Bearer abc' } }, ['headers.Authorization']],
    [{ ...hook, signingKey: 'abc' }, ['signingKey']],
    [{ ...hook, edges: ['nowhere'] }, ['edges.0']],
    [{ ...hook, repeatEveryMs: 5_000 }, ['repeatEveryMs']],
    [{ ...hook, quiet: { from: '22:00', to: '22:00' } }, ['quiet.to']],
    [{ ...hook, quiet: { from: '25:00', to: '7' } }, ['quiet.from', 'quiet.to']],
    [{ ...hook, quiet: { from: '22:00', to: '07:00', timeZone: 'Mars/Base' } }, ['quiet.timeZone']],
  ])('%j are refused, and told why', (fields, wrong) => {
    const told = problemsOf(fields)
    expect(told.map((line) => line.split(':')[0])).toEqual(wrong)
    expect(told.join()).not.toContain('abc')
  })

  test('have names of their own', () => {
    expect(problemsOf({ ...hook, name: 'Ops' }, { ...mail, name: 'ops' })).toHaveLength(2)
  })
})
