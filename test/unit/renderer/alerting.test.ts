import { describe, expect, it } from 'vitest'
import { channelDocument, forwarderDocument } from '../../../shared/model/documents'
import {
  changesOf,
  draftOfChannel,
  draftOfForwarder,
  draftOfRule,
  isReadableChannel,
  isReadableRule,
  pairsOf,
  valuesOfChannel,
  valuesOfForwarder,
  valuesOfRule,
} from '../../../renderer/features/data/alerting/drafts'
import { ruleSample } from '../../support/alert-samples'

describe('a rule being edited', () => {
  it('changes nothing while nothing is typed, whatever it watches', () => {
    for (const watch of ['metric', 'logs', 'absence', 'edge-lost', 'telemetry-lost', 'both-drove'] as const) {
      const { rule } = ruleSample({ watch, where: { sensor: 'top' }, severityMin: 17, text: 'no paper' })
      expect(changesOf(valuesOfRule(draftOfRule(rule)), rule)).toEqual({})
    }
  })

  it('asks for the fields that were changed, removes what was emptied, and leaves what does not count as it is', () => {
    const { rule } = ruleSample({ description: 'old' })
    const draft = {
      ...draftOfRule(rule),
      metric: ' ',
      threshold: 90,
      text: 'of no meaning here',
      where: 'a=1\n b = x=y ',
    }
    expect(changesOf(valuesOfRule(draft), rule)).toEqual({
      metric: null,
      threshold: 90,
      where: { a: '1', b: 'x=y' },
    })
  })

  it('is for nodes by their tags where it watches nodes, and says nothing of tags elsewhere', () => {
    const { rule } = ruleSample({ watch: 'node-offline', nodeTags: ['prod', 'shop'] })
    const draft = draftOfRule(rule)
    expect([draft.nodeTags, changesOf(valuesOfRule(draft), rule)]).toEqual(['prod, shop', {}])
    expect(changesOf(valuesOfRule({ ...draft, nodeTags: ' shop ,, lab ' }), rule)).toEqual({
      nodeTags: ['shop', 'lab'],
    })
    expect(changesOf(valuesOfRule({ ...draft, nodeTags: ' ' }), rule)).toEqual({ nodeTags: null })
    expect(valuesOfRule({ ...draft, watch: 'edge-lost' })).not.toHaveProperty('nodeTags')
  })

  it('is not asked about before its lengths and attributes can be read', () => {
    const draft = draftOfRule(null)
    expect(isReadableRule({ ...draft, name: 'Hot' })).toBe(true)
    expect(isReadableRule({ ...draft, where: 'sensor' })).toBe(false)
    expect(isReadableRule({ ...draft, keepFiringForMs: NaN })).toBe(false)
    // How long it has to last means nothing for log lines.
    expect(isReadableRule({ ...draft, watch: 'logs', forMs: null })).toBe(true)
    expect(isReadableRule({ ...draft, forMs: null })).toBe(false)
  })
})

describe('headers with secrets', () => {
  it('are typed as text and stored as references', () => {
    const stored = forwarderDocument.parse({
      ...{ id: 'lab', name: 'Lab', url: 'https://collector.example:4318' },
      headers: { 'x-team': 'ops', authorization: { secretRef: 'lab/token' } },
    })
    const draft = draftOfForwarder(stored)
    expect(draft.headers).toBe('x-team: ops\nauthorization: @lab/token')
    expect(changesOf(valuesOfForwarder(draft), stored)).toEqual({})
    expect(changesOf(valuesOfForwarder({ ...draft, headers: 'x-team: dev' }), stored)).toEqual({
      headers: { 'x-team': 'dev' },
    })
    expect(pairsOf('no header', ':')).toBeNull()
  })
})

describe('a channel being edited', () => {
  const mail = channelDocument.parse({
    ...{
      id: 'ops',
      name: 'Ops',
      type: 'email',
      host: 'mail.example.com',
      from: 'a@example.com',
      to: ['b@example.com'],
    },
    ...{ password: { secretRef: 'mail' }, quiet: { from: '21:00', to: '05:00', timeZone: 'Asia/Tokyo' } },
  })

  it('changes nothing while nothing is typed, and keeps the zone of its quiet hours', () => {
    expect(changesOf(valuesOfChannel(draftOfChannel(mail), mail), mail)).toEqual({})
    const later = { ...draftOfChannel(mail), quietFrom: '22:30' }
    expect(changesOf(valuesOfChannel(later, mail), mail)).toEqual({
      quiet: { from: '22:30', to: '05:00', timeZone: 'Asia/Tokyo' },
    })
    expect(changesOf(valuesOfChannel({ ...later, isQuiet: false, password: null }, mail), mail)).toEqual({
      quiet: null,
      password: null,
    })
  })

  it('takes an address with a token from a secret', () => {
    const draft = { ...draftOfChannel(null), name: 'Hook', url: '@hook/address' }
    expect(valuesOfChannel(draft, null)).toMatchObject({ type: 'webhook', url: { secretRef: 'hook/address' } })
    expect(isReadableChannel(draft)).toBe(true)
    expect(isReadableChannel({ ...draft, perHourMax: null })).toBe(false)
  })
})
