import type { OperationOutput } from '../../../shared/console/contract'
import type { Result } from '../../../shared/console/result'
import type { Bridge } from '../../bridge'

export type Invite = OperationOutput<'invites.create'>

/** A join code for a site, which is made first when there is none of that name. */
export async function inviteSite(
  bridge: Bridge,
  edge: string,
  more: { validForMs?: number; replace?: boolean } = {},
): Promise<Result<Invite>> {
  const answer = await bridge.call('invites.create', { edge, ...more })
  if (answer.ok || answer.code !== 'not-found') return answer
  const made = await bridge.call('edges.set', { edge, values: {}, create: true })
  return made.ok ? bridge.call('invites.create', { edge, ...more }) : made
}
