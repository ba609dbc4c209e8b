import type { MemberSaid } from '../model/fleet'
import { english } from './english'
import type { Say } from './text'

/** Why a controller of the fleet is not online, in words. `cause` alone: an older version told it. Null: there is nothing to say. */
export function memberText(
  say: Say,
  { said, cause }: { readonly said?: MemberSaid | null | undefined; readonly cause: string | null },
): string | null {
  if (!said) return cause
  if (said.key !== 'otherRole') return say(`memberSaid.${said.key}`)
  const { role, runsAs } = said.params
  return say('memberSaid.otherRole', { role: say(`memberSaid.as-${role}`), runsAs: say(`memberSaid.as-${runsAs}`) })
}

export const memberInEnglish = (said: MemberSaid): string => memberText(english, { said, cause: null }) ?? ''
