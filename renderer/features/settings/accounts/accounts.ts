import { z } from 'zod'
import type { ActivityItem } from '../../../../shared/console/activity-operations'
import type { TokenView, UserView } from '../../../../shared/console/user-operations'
import { userRoles, type UserRole } from '../../../../shared/model/documents'
import type { Tone } from '../../../ui/tone'

/** How a user gets in now: keys of the catalogue after `way_`. */
export type WayIn = 'password' | 'invited' | 'over' | 'none' | 'disabled'

/** `now`: epoch ms of the controller. */
export function wayInOf(user: UserView, now: number): WayIn {
  if (user.disabled) return 'disabled'
  if (user.hasPassword) return 'password'
  if (user.invitedUntil === null) return 'none'
  return user.invitedUntil > now ? 'invited' : 'over'
}
export const wayTones: Readonly<Record<WayIn, Tone>> = {
  password: 'edge',
  invited: 'working',
  over: 'degraded',
  none: 'degraded',
  disabled: 'quiet',
}

/** Roles up to this one, most rights last. */
export const rolesUpTo = (role: UserRole): readonly UserRole[] => userRoles.slice(0, userRoles.indexOf(role) + 1)

/** Which sites have to name a user from now on, and which no longer. */
export function siteChangesOf(before: readonly string[], after: readonly string[]): { id: string; isNamed: boolean }[] {
  return [
    ...after.filter((id) => !before.includes(id)).map((id) => ({ id, isNamed: true })),
    ...before.filter((id) => !after.includes(id)).map((id) => ({ id, isNamed: false })),
  ]
}

const admins = z.array(z.string()).catch([])
/** The `admins` of an edge document with or without one user. */
export function adminsWith(document: Readonly<Record<string, unknown>>, userId: string, isNamed: boolean): string[] {
  const others = admins.parse(document['admins']).filter((id) => id !== userId)
  return isNamed ? [...others, userId] : others
}

/** When each user signed in last, by id, as far as the items go back. */
export function signInsOf(items: readonly ActivityItem[]): ReadonlyMap<string, number> {
  const newest = new Map<string, number>()
  for (const { op, outcome, actor, lastAt } of items) {
    const userId = /^user:(.+)$/.exec(actor)?.[1]
    if (op !== 'session.begin' || outcome !== 'done' || userId === undefined) continue
    newest.set(userId, Math.max(newest.get(userId) ?? 0, lastAt))
  }
  return newest
}

export const isOver = ({ expiresAt }: Pick<TokenView, 'expiresAt'>, now: number): boolean =>
  expiresAt !== null && expiresAt <= now

const DAY_MS = 86_400_000
/** How long a token may be valid; null: until it is revoked. */
export const tokenLengths = { day: DAY_MS, month: 30 * DAY_MS, year: 365 * DAY_MS, ever: null } as const
export type TokenLength = keyof typeof tokenLengths

/** A link or a token that is shown once, to be copied now. */
export interface ShownOnce {
  readonly title: string
  readonly text: string
  readonly secret: string
  readonly copyText: string
  /** What else one has to know. */
  readonly note?: string
  readonly expiresAt: number | null
}
