import { describe, expect, test } from 'vitest'
import { valueSaid } from '../../../electron/core/alerts/alert-words'
import { alertSayings } from '../../../shared/model/alerts'
import { alertRuleDocument } from '../../../shared/model/documents'
import { alertInEnglish } from '../../../shared/text/alert-english'
import { saidText } from '../../../shared/text/alert-said'
import { locales, type Locale } from '../../../shared/text/text'
import { translate } from '../../../shared/text/translate'

const alertText = (locale: Locale, alert: Parameters<typeof saidText>[2], timeZone?: string) =>
  saidText((key, params) => translate(locale, key, params), locale, alert, timeZone)
const rule = (fields: Record<string, unknown>) =>
  alertRuleDocument.parse({ id: 'r', name: 'R', watch: 'metric', metric: 'cpu', threshold: 0.9, ...fields })
const value = (fields: Record<string, unknown>, at = 0.95) => ({ said: valueSaid(rule(fields), 'cpu', at), text: '' })

describe('what an alert says', () => {
  test('is in the language of whoever reads it', () => {
    expect(alertText('en', value({}))).toBe('cpu is 0.95, above 0.9')
    expect(alertText('en', value({ aggregate: 'mean', compare: 'at-most' }, 0.123456789))).toBe(
      'mean of cpu is 0.123457, at most 0.9',
    )
    expect(alertText('de', value({ aggregate: 'max' }))).toBe('Maximum von cpu ist 0.95, über 0.9')
    expect(alertText('zh', value({ compare: 'below' }))).toBe('cpu 为 0.95，低于 0.9')
    const lines = { said: valueSaid(rule({ watch: 'logs', text: 'paper jam', threshold: 2 }), '', 3), text: '' }
    expect(alertText('en', lines)).toBe('3 log lines with "paper jam" within 60 s')
    const both = { said: { key: 'bothDrove', params: { from: 0, to: 900 } }, text: '' } as const
    expect(alertText('en', both, 'UTC')).toMatch(/^Both sides drove from Jan 1, 1970, 12:00:00.AM to .*\.$/)
    expect(alertInEnglish(both)).toBe(alertText('en', both, 'UTC'))
  })

  test('is what the edge said where the catalogues know nothing of it', () => {
    expect(alertText('de', { said: null, text: 'No device answers.' })).toBe('No device answers.')
    expect(alertText('de', { text: 'No device answers.' })).toBe('No device answers.')
  })

  test('has words for every key in every language, whatever its parameters', () => {
    for (const locale of locales)
      for (const key of alertSayings) {
        const text = alertText(locale, { said: { key, params: {} }, text: '' })
        expect(text).not.toBe('')
        expect(text).not.toMatch(/undefined|alertSaid/)
      }
  })
})
