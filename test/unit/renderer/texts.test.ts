import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { createI18n } from 'vue-i18n'
import { operations } from '../../../shared/console/contract'
import { desktopOperations } from '../../../shared/console/desktop'
import { locales } from '../../../shared/text/text'
import { pageCatalogues as catalogues } from '../../support/page-catalogues'

const folder = path.resolve(import.meta.dirname, '../../../renderer')
const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(ts|vue)$/.test(name))
  .map((name) => readFileSync(path.join(folder, name), 'utf8'))
  .join('\n')

const subjects = Object.entries(catalogues.en) as [string, Record<string, string>][]
const keys = subjects.flatMap(([subject, texts]) => Object.keys(texts).map((key) => `${subject}.${key}`))
const textOf = (locale: (typeof locales)[number], key: string) => {
  const [subject, name] = key.split(/\.(.*)/) as [keyof (typeof catalogues)['en'], string]
  return (catalogues[locale][subject] as Record<string, string>)[name]!
}
const placeholders = (text: string) => [...new Set(text.match(/\{\w+\}/g))].sort()

describe('the texts of the pages', () => {
  it('exist for every key the pages name', () => {
    // Double quotes hold attribute bindings such as `site.id`; only `keypath` names a text there.
    const named = [...sources.matchAll(/(?:['`]|keypath=")([a-z]+\.[\w-]+)['"`]/g)].map((match) => match[1]!)
    const ofCatalogue = named.filter((key) => subjects.some(([subject]) => key.startsWith(`${subject}.`)))
    expect(ofCatalogue.length).toBeGreaterThan(80)
    // What the controller and the desktop are asked for is named alike.
    const asked = { ...operations, ...desktopOperations }
    const missing = ofCatalogue.filter((key) => !keys.includes(key) && !Object.hasOwn(asked, key))
    expect(missing).toEqual([])
  })

  it.each(locales)('have the same placeholders in %s as in English, and are not empty', (locale) => {
    const different = keys.filter((key) => {
      const text = textOf(locale, key)
      return text.trim() === '' || placeholders(text).join() !== placeholders(textOf('en', key)).join()
    })
    // A plural may say "1" or a word where English says {n}.
    expect(different.filter((key) => !textOf(locale, key).includes('|') && !textOf('en', key).includes('|'))).toEqual(
      [],
    )
  })

  it.each(locales)('can all be rendered in %s', (locale) => {
    type Render = { global: { t(key: string, params: Record<string, unknown>): string } }
    const options = { legacy: false, locale, messages: catalogues, missingWarn: false }
    const { global } = createI18n(options as never) as unknown as Render
    const params = { n: 2, m: 3, age: 'x', time: 'x', name: 'x', site: 'x' }
    for (const key of keys) expect(() => global.t(key, params), key).not.toThrow()
    expect(global.t('site.devicesCount', { n: 4, m: 5 })).toMatch(/[45].*[45]/)
  })
})
