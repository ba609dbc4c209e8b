import { pageDe } from '../../shared/text/page/de'
import { pageEn } from '../../shared/text/page/en'
import { pageZh } from '../../shared/text/page/zh'
import { catalogues } from '../../shared/text/translate'

/** All that a page says, by language: the words that every face has, and its own. */
export const pageCatalogues = {
  en: { ...catalogues.en, ...pageEn },
  de: { ...catalogues.de, ...pageDe },
  zh: { ...catalogues.zh, ...pageZh },
}
