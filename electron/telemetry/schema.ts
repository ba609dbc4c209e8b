/** Numbers of one feed. At a million entries a second this lasts for twelve days, at a thousand for 34 years. */
export const SEQ_SPACE = 2 ** 40
/** Feeds of one edge: `id` stays an exact number. */
export const FEEDS_MAX = 4_096
export const idOf = (feed: number, seq: number): number => feed * SEQ_SPACE + seq
export const seqOf = (id: number): number => id % SEQ_SPACE
export const feedOf = (id: number): number => Math.floor(id / SEQ_SPACE)
