import type { Failure } from '../model/failures'
import { roles, type Role } from './operation'

/** Who asks, as far as it decides what may be asked for. */
export interface Asking {
  readonly role: Role
  /** By whose name edges are operated that have admins of their own; absent: nobody's. */
  readonly edgeAdminAs?: string | undefined
}

/** True when `role` is at least `least`. */
export const allows = (role: Role, least: Role): boolean => roles.indexOf(role) >= roles.indexOf(least)

/**
 * Whether an operation of this least role may be asked for at an edge with these admins: where there are some, they alone may, besides administrators, and may
 * from viewer up. Empty: the edge has none, or it is about no edge.
 */
export function mayAt({ role, edgeAdminAs }: Asking, least: Role, admins: readonly string[]): boolean {
  if (role === 'admin') return true
  if (admins.length === 0) return allows(role, least)
  return allows(role, 'viewer') && edgeAdminAs !== undefined && admins.includes(edgeAdminAs)
}

export function lacksRole(name: string, least: Role, role: Role): Failure {
  if (role === 'anonymous')
    return {
      code: 'unauthenticated',
      message: `${name} needs a login.`,
      hint: 'Sign in, or ask an administrator for an invitation.',
    }
  const hint = 'Ask an administrator to do it, or to give the role.'
  return { code: 'forbidden', message: `${name} needs the role ${least}; this login has ${role}.`, hint }
}

const NAMES_TOLD_MAX = 5

/** `edges`: the names of those that have admins of their own, of whom the caller is none; at least one. */
export function forOwnAdmins(name: string, edges: readonly string[]): Failure {
  const told = edges.slice(0, NAMES_TOLD_MAX).map((edge) => `"${edge}"`)
  const more = edges.length - told.length
  const where = more > 0 ? `${told.join(', ')} and ${more} more` : told.join(', ')
  return {
    code: 'forbidden',
    message: `${name} at ${where} is for ${edges.length === 1 ? 'its' : 'their'} own admins.`,
    hint: 'Ask one of them, or an administrator.',
  }
}
