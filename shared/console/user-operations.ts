import { z } from 'zod'
import { documentName, userRoles } from '../model/documents'
import { none, operation } from './operation'

export const PASSWORD_LENGTH_MIN = 10
/** Long enough for any sentence; a longer one would only cost time. */
export const PASSWORD_LENGTH_MAX = 200
export const userPassword = z.string().min(PASSWORD_LENGTH_MIN).max(PASSWORD_LENGTH_MAX)
/** A user by id or by name. */
const userRef = z.string().min(1).max(100)
const role = z.enum(userRoles)

export const userView = z.object({
  id: z.string(),
  name: z.string(),
  role,
  disabled: z.boolean(),
  hasPassword: z.boolean(),
  /** An invitation that nobody has used yet is valid until then; null: there is none. */
  invitedUntil: z.number().nullable(),
  /** Edges of whose `admins` this user is one. */
  edges: z.array(z.object({ id: z.string(), name: z.string() })),
  tokens: z.number(),
})
export type UserView = z.infer<typeof userView>

export const tokenView = z.object({
  tokenId: z.string(),
  name: z.string(),
  userId: z.string(),
  userName: z.string(),
  role,
  madeAt: z.number(),
  /** Null: until it is revoked. */
  expiresAt: z.number().nullable(),
  /** To the minute, at this controller (not at edges that serve clients); null: not that it is known. */
  lastUsedAt: z.number().nullable(),
})
export type TokenView = z.infer<typeof tokenView>

/** A browser that is signed in. */
export const sessionView = z.object({
  sessionId: z.string(),
  /** Null: by a one-time link, as the owner of the controller. */
  userId: z.string().nullable(),
  userName: z.string().nullable(),
  role: z.string(),
  /** Null: this machine. */
  from: z.string().nullable(),
  way: z.enum(['one-time key', 'password', 'invitation']),
  beganAt: z.number(),
  lastUsedAt: z.number(),
  expiresAt: z.number(),
  /** Consoles that are open for it now. */
  consoles: z.number(),
  /** It is the one that asks. */
  isOwn: z.boolean(),
})
export type SessionView = z.infer<typeof sessionView>

/**
 * Who is signed in. `user` null: by the key of the data directory, a one-time link of it, or the window. Beside administrators, who operate every edge:
 * `operates` are edges whose `admins` name the caller, whatever the role; `barredFrom` edges that have admins of their own, and the caller is none of them.
 * All other edges are operated by operators.
 */
export const meView = z.object({
  user: userView.nullable(),
  operates: z.array(z.string()),
  barredFrom: z.array(z.string()),
  mayChangePassword: z.boolean(),
})
export type MeView = z.infer<typeof meView>

/** `me` comes again whenever the account or the admins of an edge change. Another role ends the session: who signs in again is told the new one. */
export const userTopics = {
  me: { kind: 'snapshot', role: 'viewer', params: none, body: meView },
} as const

/**
 * Accounts of this controller: at a master or a standalone controller. What concerns nobody but the caller is open to every account and judged by its handler:
 * the own password, the own tokens and the own sessions.
 */
export const userOperations = {
  'users.me': operation('viewer', false, none, meView),
  'users.list': operation('admin', false, none, z.array(userView)),
  /** Without a password the way in is `users.invite`. */
  'users.add': operation(
    'admin',
    true,
    z.object({ name: documentName, role: role.default('viewer'), password: userPassword.optional() }),
    userView,
  ),
  /** Another role, and disabling, end the sessions of the user at once. */
  'users.update': operation(
    'admin',
    true,
    z.object({ user: userRef, name: documentName.optional(), role: role.optional(), disabled: z.boolean().optional() }),
    userView,
  ),
  /** With the sessions and tokens, and out of the `admins` of every edge. */
  'users.remove': operation('admin', true, z.object({ user: userRef }), none),
  /** One's own with the `currentPassword`; any as an admin. Ends the other sessions of the user. */
  'users.setPassword': operation(
    'viewer',
    true,
    z.object({
      user: userRef.optional(),
      password: userPassword,
      currentPassword: z.string().max(PASSWORD_LENGTH_MAX).optional(),
    }),
    none,
  ),
  /** A link with which the user chooses a password, once; it takes the place of an earlier one. `path` belongs behind the address of the console. */
  'users.invite': operation(
    'admin',
    true,
    z.object({ user: userRef }),
    z.object({ userId: z.string(), inviteKey: z.string(), path: z.string(), expiresAt: z.number() }),
  ),
  /** One's own; another user's, or with `all` everybody's, as an admin. */
  'tokens.list': operation(
    'viewer',
    false,
    z.object({ user: userRef.optional(), all: z.boolean().default(false) }),
    z.array(tokenView),
  ),
  /** The token is shown in this answer and never again. `role`: at most one's own; without it, just that. */
  'tokens.create': operation(
    'viewer',
    true,
    z.object({
      user: userRef.optional(),
      name: documentName,
      role: role.optional(),
      validForMs: z
        .int()
        .min(60_000)
        .max(10 * 365 * 86_400_000)
        .optional(),
    }),
    tokenView.extend({ token: z.string() }),
  ),
  'tokens.revoke': operation('viewer', true, z.object({ tokenId: z.string().min(1).max(100) }), none),
  /** Newest first. One's own; another user's, or with `all` everybody's, as an admin. */
  'sessions.list': operation(
    'viewer',
    false,
    z.object({ user: userRef.optional(), all: z.boolean().default(false) }),
    z.array(sessionView),
  ),
  /** Signs that browser out, at once. */
  'sessions.end': operation('viewer', true, z.object({ sessionId: z.string().min(1).max(100) }), none),
} as const
