import type { NodeSaid } from '../model/fleet'
import { english } from './english'
import type { Say } from './text'

/** What a check of a node found wrong, in words. `cause` alone: an older version wrote it. Null: there is nothing to say. */
export function nodeText(
  say: Say,
  { said, cause }: { readonly said?: NodeSaid | null | undefined; readonly cause: string | null },
): string | null {
  if (!said) return cause
  const { key, step, params } = said
  return say(`nodeSaid.at-${step}`, { ...params, text: say(`nodeSaid.${key}`, params) })
}

export const nodeInEnglish = (said: NodeSaid): string => nodeText(english, { said, cause: null }) ?? ''
