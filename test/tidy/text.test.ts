import { describe, expect, test } from 'vitest'
import { decisionRules, holders } from '../../shared/model/control'
import { failureCodes } from '../../shared/model/failures'
import { moduleStates } from '../../shared/model/modules'
import { linkStates } from '../../shared/console/views'
import { localeOf, locales } from '../../shared/text/text'
import { age, translate } from '../../shared/text/translate'
import { pageCatalogues as catalogues } from '../support/page-catalogues'

type Catalogue = (typeof catalogues)['en' | 'de' | 'zh']

const keysOf = (catalogue: Catalogue): string[] =>
  Object.entries(catalogue).flatMap(([subject, texts]) => Object.keys(texts).map((key) => `${subject}.${key}`))

/** Each as often as it stands there. */
const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).sort()
/** A language has one form of a plural or several, and names its number in each or says it in a word. */
const isPlural = (text: string): boolean => text.includes('|')

const textAt = (catalogue: Catalogue, key: string): string => {
  const [subject, name] = [key.slice(0, key.indexOf('.')), key.slice(key.indexOf('.') + 1)]
  return (catalogue as Record<string, Record<string, string>>)[subject]![name]!
}

describe('catalogues', () => {
  test.each(locales)('%s has exactly the keys of the English one, in the same order, none empty', (locale) => {
    expect(keysOf(catalogues[locale])).toEqual(keysOf(catalogues.en))
    for (const key of keysOf(catalogues[locale])) expect(textAt(catalogues[locale], key), key).not.toBe('')
  })

  test.each(locales)('%s fills in the same placeholders', (locale) => {
    for (const key of keysOf(catalogues.en)) {
      const [there, english] = [textAt(catalogues[locale], key), textAt(catalogues.en, key)]
      const [found, expected] = [placeholders(there), placeholders(english)]
      if (isPlural(there) || isPlural(english)) expect(new Set(found), key).toEqual(new Set(expected))
      else expect(found, key).toEqual(expected)
    }
  })

  test('every rule, holder, link state, module state and failure code has its words', () => {
    const named = catalogues.en
    expect(Object.keys(named.rule).sort()).toEqual([...decisionRules].sort())
    expect(Object.keys(named.holder).sort()).toEqual([...holders].sort())
    expect(Object.keys(named.link).sort()).toEqual([...linkStates].sort())
    expect(Object.keys(named.hint).sort()).toEqual([...failureCodes].sort())
    for (const state of moduleStates) expect(named.module).toHaveProperty(state)
  })
})

describe('translate', () => {
  test('fills in what it is given and leaves the rest visible', () => {
    expect(translate('en', 'control.since', { holder: 'the edge drives', age: '4 min', epoch: 3 })).toBe(
      'the edge drives since 4 min, epoch 3',
    )
    expect(translate('de', 'control.takeOverIn')).toBe('die Zentrale übernimmt in {age}')
  })

  test('an age is told in its largest whole unit', () => {
    expect([0, 1_000, 59_999, 60_000, 3_600_000, 100_000_000, 200_000_000].map((ms) => age('en', ms))).toEqual([
      '0 s',
      '1 s',
      '59 s',
      '1 min',
      '1 h',
      '27 h',
      '2 d',
    ])
  })

  test('a language tag finds its catalogue, an unknown one English', () => {
    expect(['de_AT.UTF-8', 'zh-CN', 'fr', undefined, 'C'].map(localeOf)).toEqual(['de', 'zh', 'en', 'en', 'en'])
  })
})
