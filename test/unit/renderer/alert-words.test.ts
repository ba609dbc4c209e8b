import { describe, expect, it } from 'vitest'
import { i18n } from '../../../renderer/i18n'
import { alertAggregates, alertComparisons, alertSayings, type AlertSaid } from '../../../shared/model/alerts'
import { saidText } from '../../../shared/text/alert-said'
import { alertInEnglish } from '../../../shared/text/alert-english'

const { t } = i18n.global as unknown as { t: (key: string, params?: object) => string }
const inPage = (said: AlertSaid) => saidText((key, params = {}) => t(key, params), 'en', { said, text: '' })
const params = {
  metric: 'disk',
  what: 'disk',
  n: 3,
  words: 'a | b @ c',
  within: 60,
  from: 0,
  to: 900,
  cause: 'TCP port 22: no answer',
  fingerprint: 'SHA256:abc',
  value: 1,
  threshold: 2,
}

describe('what an alert says in the page', () => {
  it.each(alertSayings.filter((key) => key !== 'value'))('is what mails and the command line say: %s', (key) => {
    const said: AlertSaid = { key, params }
    expect(inPage(said)).toBe(alertInEnglish({ said, text: '' }))
  })

  it.each(alertComparisons.flatMap((how) => alertAggregates.map((of) => [how, of] as const)))(
    'is so for values: %s the %s',
    (how, of) => {
      const said: AlertSaid = { key: 'value', params: { ...params, how, of } }
      expect(inPage(said)).toBe(alertInEnglish({ said, text: '' }))
      expect(inPage(said)).toContain('disk')
    },
  )
})
