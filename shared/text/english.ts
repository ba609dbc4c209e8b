import { en } from './en'
import { ageOf, textOf, type Say } from './text'

/** What a controller itself says, and the command line: a process that runs for months has no other language in its memory. */
export const english: Say = (key, params) => textOf(en, key, params)
export const englishAge = (ms: number): string => ageOf(english, ms)
