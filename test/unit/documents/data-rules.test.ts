import { describe, expect, test } from 'vitest'
import { checkDocuments } from '../../../electron/core/documents/check'
import { currentOf, documentContext, put } from '../../support/documents'

const current = currentOf([['edge', { id: 'berlin', name: 'Berlin' }]])
/** `field: message` of each problem. */
function problemsOf(kind: 'alertRule' | 'forwarder', fields: Record<string, unknown>): string[] {
  const outcome = checkDocuments([put(kind, { id: 'x', name: 'X', ...fields })], current, documentContext)
  if (outcome.ok) return []
  return 'problems' in outcome ? outcome.problems.map(({ field, message }) => `${field}: ${message}`) : ['conflict']
}

describe('alert rules', () => {
  test.each([
    [{ watch: 'metric', metric: 'cpu', threshold: 1, edges: ['berlin'] }],
    [{ watch: 'logs', severityMin: 17 }],
    [{ watch: 'absence', forMs: 60_000 }],
    [{ watch: 'edge-lost' }],
  ])('%j is sound', (fields) => {
    expect(problemsOf('alertRule', fields)).toEqual([])
  })

  test.each([
    [{ watch: 'metric', threshold: 1 }, 'metric'],
    [{ watch: 'metric', metric: 'cpu' }, 'threshold'],
    [{ watch: 'logs' }, 'text'],
    [{ watch: 'logs', text: 'jam', threshold: 0.5 }, 'threshold'],
    [{ watch: 'absence', forMs: 1_000 }, 'forMs'],
    [{ watch: 'edge-lost', edges: ['nowhere'] }, 'edges.0'],
    [{ watch: 'weather' }, 'watch'],
    [{ watch: 'edge-lost', unknown: 1 }, 'unknown'],
  ])('%j is refused by its field', (fields, field) => {
    expect(problemsOf('alertRule', fields)).toEqual([expect.stringMatching(new RegExp(`^${field}: `))])
  })
})

describe('destinations', () => {
  const url = 'https://collector.example:4318'
  test('hold no secret, and leave the request to itself', () => {
    expect(problemsOf('forwarder', { url, headers: { Authorization: { secretRef: 'token' }, 'X-Site': 'a' } })).toEqual(
      [],
    )
    const told = problemsOf('forwarder', { url, headers: { Authorization: 'Bearer abc', 'Content-Type': 'x' } })
    expect(told.map((text) => text.split(':')[0])).toEqual(['headers.Authorization', 'headers.Content-Type'])
    expect(told.join()).not.toContain('abc')
  })

  test.each(['ftp://a', 'https://user:pass@a', 'https://a/?q=1', 'a'])('%s is no address', (wrong) => {
    expect(problemsOf('forwarder', { url: wrong })).toEqual([expect.stringMatching(/^url: /)])
  })
})
