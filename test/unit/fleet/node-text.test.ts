import { describe, expect, test } from 'vitest'
import { nodeSayings, type NodeSaid } from '../../../shared/model/fleet'
import { alertInEnglish } from '../../../shared/text/alert-english'
import { saidText } from '../../../shared/text/alert-said'
import { nodeInEnglish, nodeText } from '../../../shared/text/node-said'
import { locales, type Locale, type Say } from '../../../shared/text/text'
import { translate } from '../../../shared/text/translate'

const inLanguage =
  (locale: Locale): Say =>
  (key, params) =>
    translate(locale, key, params)
const refused: NodeSaid = { key: 'refused', step: 'tcp', params: { port: 22 } }

describe('what a check found wrong', () => {
  test('is in the language of whoever reads it', () => {
    expect(locales.map((locale) => nodeText(inLanguage(locale), { said: refused, cause: null }))).toEqual([
      'TCP port 22: nobody listens there',
      'TCP-Port 22: dort nimmt niemand Verbindungen an',
      'TCP 端口 22：该处无人监听',
    ])
    const late: NodeSaid = { key: 'noAnswerWithin', step: 'health', params: { seconds: 1.5 } }
    expect(nodeInEnglish(late)).toBe('Health: no answer within 1.5 s')
  })

  test('is what was written where an older version wrote it, and nothing where there is nothing', () => {
    expect(nodeText(inLanguage('de'), { cause: 'TCP port 22: no answer' })).toBe('TCP port 22: no answer')
    expect(nodeText(inLanguage('de'), { said: null, cause: null })).toBeNull()
  })

  test('has words for every key in every language, and they are not those of another', () => {
    const said = nodeSayings.flatMap((key) =>
      (['tcp', 'ssh', 'health'] as const).map((step): NodeSaid => ({
        key,
        step,
        params: { port: 22, seconds: 5, fingerprint: 'SHA256:abc' },
      })),
    )
    for (const locale of locales) {
      const texts = said.map((one) => nodeText(inLanguage(locale), { said: one, cause: null }))
      expect(texts.filter((text) => text === null || /[{}]|undefined|nodeSaid/.test(text))).toEqual([])
      expect(new Set(texts).size).toBe(said.length)
    }
  })

  test('is said by the alert of a node in the language of its reader; an older one keeps its words', () => {
    const { key: why, step, params } = refused
    const cause = nodeInEnglish(refused)
    const alert = { said: { key: 'nodeOffline', params: { cause, why, step, ...params } }, text: '' } as const
    expect(saidText(inLanguage('zh'), 'zh', alert)).toBe('无法连接到节点：TCP 端口 22：该处无人监听')
    expect(alertInEnglish(alert)).toBe(`The node cannot be reached: ${cause}`)
    const older = { said: { key: 'nodeOffline', params: { cause } }, text: '' } as const
    expect(saidText(inLanguage('de'), 'de', older)).toBe(`Der Knoten ist nicht erreichbar: ${cause}`)
  })
})
