import { describe, expect, test } from 'vitest'
import { fleetRoles, memberSaid, memberSayings, type MemberSaid } from '../../../shared/model/fleet'
import { memberInEnglish, memberText } from '../../../shared/text/member-said'
import { locales, type Locale, type Say } from '../../../shared/text/text'
import { translate } from '../../../shared/text/translate'

const inLanguage =
  (locale: Locale): Say =>
  (key, params) =>
    translate(locale, key, params)
const inAll = (said: MemberSaid) => locales.map((locale) => memberText(inLanguage(locale), { said, cause: 'other' }))

describe('why a controller of the fleet is not online', () => {
  test('is in the language of whoever reads it, with the roles in it', () => {
    expect(inAll({ key: 'late', params: {} })).toEqual([
      'its heartbeats are late',
      'seine Lebenszeichen kommen verspätet',
      '它的心跳迟到',
    ])
    expect(inAll({ key: 'otherRole', params: { role: 'master', runsAs: 'slave' } })).toEqual([
      'it is meant to be a master, and its controller runs as a slave',
      'er soll Master sein, und sein Controller läuft als Slave',
      '它应为主控，而其控制器以从属运行',
    ])
  })

  test('is what was told where an older version told it, and nothing where there is nothing', () => {
    expect(memberText(inLanguage('de'), { cause: 'its heartbeats are late' })).toBe('its heartbeats are late')
    expect(memberText(inLanguage('de'), { said: null, cause: null })).toBeNull()
  })

  test('has words for every key in every language, and they are not those of another', () => {
    const params = { role: fleetRoles[0], runsAs: fleetRoles[1] }
    const all = memberSayings.map((key) => memberSaid.parse({ key, params: key === 'otherRole' ? params : {} }))
    for (const locale of locales) {
      const texts = all.map((said) => memberText(inLanguage(locale), { said, cause: null }))
      expect(texts.filter((text) => text === null || /[{}]|undefined|memberSaid/.test(text))).toEqual([])
      expect(new Set(texts).size).toBe(all.length)
    }
    expect(memberInEnglish(all[0]!)).toBe('not heard for longer than its threshold')
  })
})
