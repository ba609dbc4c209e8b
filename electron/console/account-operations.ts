import { roles, type Role } from '../../shared/console/operation'
import type { MeView, SessionView, TokenView, UserView } from '../../shared/console/user-operations'
import { suggestedId } from '../../shared/model/document-id'
import type { UserDocument } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'
import { noAccounts, type Accounts } from './accounts'
import type { Attempts } from './attempts'
import type { OpenSessions } from './login'
import type { Caller, OperationHandlers } from './operations'
import { passwordFits, passwordVerifierOf } from './password'

export type AccountHandlers = Pick<
  OperationHandlers,
  Extract<keyof OperationHandlers, `${'users' | 'tokens' | 'sessions'}.${string}`>
>

/** What of the ways in the accounts themselves do not know. */
export interface WaysIn {
  readonly sessions: OpenSessions
  /** Epoch ms; null: not that it is known. */
  lastUsedAt(tokenId: string): number | null
}

const ASK = 'Sign in as an administrator, or ask one.'

/** `attempts`: those of the login; a password is guessed no faster here. */
export function accountOperations(accounts: Accounts, attempts: Attempts, ways: WaysIn): AccountHandlers {
  const { documents } = accounts
  const known = (reference: string): UserDocument => {
    const user = accounts.find(reference)
    if (user) return user
    throw new HoldfastError('not-found', `There is no user "${reference}".`, {
      hint: 'holdfast user list shows the users.',
    })
  }
  /** Another user is an administrator's business. */
  const meant = (reference: string | undefined, caller: Caller): UserDocument => {
    const own = caller.userId === undefined ? null : accounts.find(caller.userId)
    if (caller.role === 'admin') {
      if (reference !== undefined) return known(reference)
      if (own) return own
      throw new HoldfastError('invalid', 'user: this login is no account, so say which user is meant.', {
        hint: 'holdfast user list shows the users.',
      })
    }
    if (own === null || (reference !== undefined && accounts.find(reference)?.id !== own.id))
      throw new HoldfastError('forbidden', 'Another user is the business of administrators.', { hint: ASK })
    return own
  }
  const view = (user: UserDocument): UserView => viewOf(accounts, user)
  const tokenViews = ({ id, name: userName, tokens }: UserDocument): TokenView[] =>
    tokens.map((token) => {
      const { name, role, madeAt, expiresAt } = token
      const lastUsedAt = ways.lastUsedAt(token.id)
      return { tokenId: token.id, name, userId: id, userName, role, madeAt, expiresAt, lastUsedAt }
    })

  const sessionViews = (caller: Caller): SessionView[] =>
    ways.sessions.list().map(({ callerThere, ...session }) => ({
      ...session,
      role: callerThere.role,
      userId: callerThere.userId ?? null,
      userName: callerThere.userId === undefined ? null : (accounts.find(callerThere.userId)?.name ?? null),
      // Whoever came by a one-time link is known by it alone.
      isOwn: caller.userId === undefined ? callerThere.actor === caller.actor : session.sessionId === caller.sessionId,
    }))

  return {
    'users.me': (_, caller) => meOf(accounts, caller),
    'users.list': () => documents.users().map(view),
    'users.add': async ({ name, role, password }, { actor }) => {
      const id = freeId(name, (one) => accounts.find(one) !== null)
      const verifier = password === undefined ? null : await passwordVerifierOf(password)
      accounts.put({ id, name, role, disabled: false, password: verifier, invite: null, tokens: [] }, actor)
      return view(known(id))
    },
    'users.update': ({ user: reference, name, role, disabled }, { actor }) => {
      const user = known(reference)
      const changed = {
        ...user,
        ...(name === undefined ? {} : { name }),
        ...(role === undefined ? {} : { role }),
        ...(disabled === undefined ? {} : { disabled }),
      }
      accounts.put(changed, actor)
      return view(known(user.id))
    },
    'users.remove': ({ user }, { actor }) => {
      accounts.remove(known(user), actor)
      return {}
    },
    'users.setPassword': async ({ user: reference, password, currentPassword }, caller) => {
      const user = meant(reference, caller)
      const isOwn = user.id === caller.userId
      refuseToken(caller)
      if (isOwn && user.password !== null) await proveAgain(attempts, user, currentPassword)
      const verifier = await passwordVerifierOf(password)
      // As it is by now: both checks took their time.
      accounts.put({ ...known(user.id), password: verifier, invite: null }, caller.actor, caller.sessionId ?? null)
      return {}
    },
    'users.invite': ({ user: reference }, { actor }) => {
      const user = known(reference)
      if (user.disabled)
        throw new HoldfastError('refused', `The user "${user.name}" is disabled.`, { hint: 'Enable the user first.' })
      const { inviteKey, expiresAt } = accounts.invite(user, actor)
      return { userId: user.id, inviteKey, path: `#invite=${inviteKey}`, expiresAt }
    },
    'tokens.list': ({ user, all }, caller) => {
      if (!all) return tokenViews(meant(user, caller))
      if (caller.role !== 'admin')
        throw new HoldfastError('forbidden', 'The tokens of all users are the business of administrators.', {
          hint: ASK,
        })
      return documents.users().flatMap(tokenViews)
    },
    'tokens.create': ({ user: reference, name, role, validForMs }, caller) => {
      const user = meant(reference, caller)
      refuseToken(caller)
      const asked = role ?? user.role
      if (isMore(asked, user.role))
        throw new HoldfastError('invalid', `role: a token may do no more than its owner, who is ${user.role}.`, {
          hint: 'Leave it out to let the token do all that its owner may.',
        })
      const made = accounts.makeToken(user, { name, role: asked, validForMs: validForMs ?? null, actor: caller.actor })
      const shown = tokenViews(known(user.id)).find(({ tokenId }) => tokenId === made.kept.id)!
      return { ...shown, token: made.token }
    },
    'tokens.revoke': ({ tokenId }, caller) => {
      const owner = documents.users().find(({ tokens }) => tokens.some(({ id }) => id === tokenId))
      // Whose token it is stays untold to others.
      if (!owner || (caller.role !== 'admin' && owner.id !== caller.userId))
        throw new HoldfastError('not-found', 'There is no such token.', { hint: 'holdfast token list shows them.' })
      accounts.put({ ...owner, tokens: owner.tokens.filter(({ id }) => id !== tokenId) }, caller.actor)
      return {}
    },
    'sessions.list': ({ user, all }, caller) => {
      const sessions = sessionViews(caller)
      if (!all) {
        const { id } = meant(user, caller)
        return sessions.filter(({ userId }) => userId === id)
      }
      if (caller.role === 'admin') return sessions
      throw new HoldfastError('forbidden', 'The sessions of all users are the business of administrators.', {
        hint: ASK,
      })
    },
    'sessions.end': ({ sessionId }, caller) => {
      const session = sessionViews(caller).find((one) => one.sessionId === sessionId)
      // Whose session it is stays untold to others.
      const isMeant = session !== undefined && (caller.role === 'admin' || session.userId === caller.userId)
      if (isMeant && ways.sessions.end(sessionId)) return {}
      throw new HoldfastError('not-found', 'There is no such session.', { hint: 'holdfast session list shows them.' })
    },
  }
}

function viewOf({ documents }: Accounts, user: UserDocument): UserView {
  const { id, name, role, disabled, password, invite, tokens } = user
  const edges = documents.edges().filter(({ admins }) => admins.includes(id))
  return {
    ...{ id, name, role, disabled, hasPassword: password !== null, invitedUntil: invite?.expiresAt ?? null },
    edges: edges.map((edge) => ({ id: edge.id, name: edge.name })),
    tokens: tokens.length,
  }
}

/** What is told here is what a call meets: a token for less than its owner may is nobody's admin. */
function meOf(accounts: Accounts, { userId, role, edgeAdminAs }: Caller): MeView {
  const user = userId === undefined ? null : accounts.find(userId)
  const closed = accounts.documents.edges().filter(({ admins }) => admins.length > 0)
  const operates = closed.filter(({ admins }) => edgeAdminAs !== undefined && admins.includes(edgeAdminAs))
  const barredFrom = role === 'admin' ? [] : closed.filter((edge) => !operates.includes(edge))
  return {
    user: user && viewOf(accounts, user),
    operates: operates.map(({ id }) => id),
    barredFrom: barredFrom.map(({ id }) => id),
    mayChangePassword: user !== null,
  }
}

/** Tells who the caller is, at once and after each change of accounts and edges. */
export function watchMe(accounts: Accounts | null, caller: Caller, listener: (me: MeView) => void): () => void {
  if (accounts === null) {
    listener(nobody)
    return () => {}
  }
  listener(meOf(accounts, caller))
  return accounts.documents.onPeople(() => {
    // Whoever is out hears no more; the end of the session says so.
    if (caller.role !== 'anonymous') listener(meOf(accounts, caller))
  })
}

const nobody: MeView = { user: null, operates: [], barredFrom: [], mayChangePassword: false }

/** On an edge: it keeps no accounts. */
export const withoutAccounts: AccountHandlers = {
  'users.me': () => nobody,
  'users.list': noAccounts,
  'users.add': noAccounts,
  'users.update': noAccounts,
  'users.remove': noAccounts,
  'users.setPassword': noAccounts,
  'users.invite': noAccounts,
  'tokens.list': noAccounts,
  'tokens.create': noAccounts,
  'tokens.revoke': noAccounts,
  'sessions.list': noAccounts,
  'sessions.end': noAccounts,
}

const isMore = (role: Role, than: Role): boolean => roles.indexOf(role) > roles.indexOf(than)

/** A token that leaked must not make itself last longer. An administrator's can do all of this to others anyway. */
function refuseToken({ tokenId, role }: Caller): void {
  if (tokenId === undefined || role === 'admin') return
  throw new HoldfastError('forbidden', 'A token can neither make tokens nor set a password.', {
    hint: 'Sign in with name and password.',
  })
}

/** Guesses of others at the same account's login do not hold it up. */
async function proveAgain(attempts: Attempts, user: UserDocument, password: string | undefined): Promise<void> {
  const proven = await attempts.take({ name: `session of ${user.id}`, address: `session of ${user.id}` }, async () =>
    (await passwordFits(password ?? '', user.password)) ? true : null,
  )
  if (proven === null)
    throw new HoldfastError('invalid', 'currentPassword: that is not the present password.', {
      hint: 'An administrator can set another one.',
    })
}

/** A free id made from a name, e.g. `kim`, `kim-2`. */
function freeId(name: string, isTaken: (id: string) => boolean): string {
  const base = suggestedId('user', name)
  for (let n = 1; ; n++) {
    const id = n === 1 ? base : `${base}-${n}`
    if (!isTaken(id)) return id
  }
}
