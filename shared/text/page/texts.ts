import type { pageEn } from './en'

/** What every language provides for the pages. */
export type PageTexts = { readonly [S in keyof typeof pageEn]: { readonly [K in keyof (typeof pageEn)[S]]: string } }
