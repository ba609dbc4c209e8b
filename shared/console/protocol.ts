import { z } from 'zod'
import { failure, type Failure } from '../model/failures'
import { roles } from './operation'
import { PASSWORD_LENGTH_MAX, userPassword } from './user-operations'

/**
 * What a console (browser, CLI) and a controller say to each other over the WebSocket at `/console`, one JSON text per frame.
 *
 *   console                                controller
 *      │  (upgrade: session cookie or Bearer key; otherwise HTTP 401)
 *      │◀── hello {role, actor, ...} ──────────│  always first
 *      │─── call {id, op, params} ────────────▶│
 *      │◀── result {id, result} ───────────────│  in any order
 *      │─── subscribe {id, topic, params} ────▶│
 *      │◀── snapshot {sub, revision, body} ────│  `sub` is the id of the subscribe; status only, may come again at any time
 *      │◀── delta {sub, revision, patch} ──────│  status only: revision is the last one + 1, else `subscribe` anew
 *      │◀── item {sub, revision, body} ────────│  streams (decisions, debug): a step over 1 means items were left out
 *      │◀── ended {sub, failure} ──────────────│  refused, or over; the id is free again
 *      │◀── beat {at} ─────────────────────────│  every CONSOLE_BEAT_MS
 *      │─── beat {at} ────────────────────────▶│  the answer, at once: a background tab throttles timers, not messages
 *
 * Either side that hears nothing for CONSOLE_SILENCE_MS takes the other for gone. Ids are chosen by the console, one sequence for calls and subscriptions.
 * `connection.ts` is the console's half of this, `patch.ts` the deltas.
 *
 * HTTP beside it, same origin: `GET /health` (anonymous JSON, the `health` operation's value), `GET /session` -> SessionAnswer,
 * `POST /login` (JSON `{key}` from the link's fragment `#key=...`, `{name, password}`, or `{invite, password}` with the fragment `#invite=...`) -> SessionAnswer
 * and a cookie, or 401, 429 with a Failure; `POST /logout`. A Bearer key is that of the data directory, or a token of an account.
 */
export const CONSOLE_PATH = '/console'
export const CONSOLE_PROTOCOL = 1
export const CONSOLE_BEAT_MS = 2_000
export const CONSOLE_SILENCE_MS = 6_000
/** Longest message a browser may send. */
export const CONSOLE_BYTES_MAX = 1024 * 1024
/** The same for who proves the key file: `apply` sends the documents of a whole site at once. */
export const CONSOLE_KEY_BYTES_MAX = 16 * 1024 * 1024
export const CONSOLE_DEPTH_MAX = 64
/** Per connection. More is answered with `busy`. */
export const CONSOLE_CALLS_MAX = 64
export const CONSOLE_SUBSCRIPTIONS_MAX = 64
/** Above this, deltas wait (the next one holds what happened meanwhile) and streams leave items out. */
export const CONSOLE_UNSENT_BYTES_MAX = 4 * 1024 * 1024
/** How long a console waits for a result. A hand-over may use its whole step time. */
export const CONSOLE_CALL_TIMEOUT_MS = 60_000

/** Why the controller closed the WebSocket, as close codes. */
export const closeCodes = {
  stopping: 1001,
  tooLarge: 1009,
  malformed: 4400,
  unauthenticated: 4401,
  silent: 4408,
} as const

const id = z.int().min(0)
const clientMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('call'), id, op: z.string().max(100), params: z.unknown() }),
  z.object({ type: z.literal('subscribe'), id, topic: z.string().max(100), params: z.unknown() }),
  z.object({ type: z.literal('unsubscribe'), sub: id }),
  z.object({ type: z.literal('beat'), at: z.number() }),
])
/** From the console. `params` is judged by the contract's schema of the operation or topic. */
export type ClientMessage = z.infer<typeof clientMessage>

/** `value` is judged by the contract's schema where it matters (the controller is trusted by its consoles, not the other way round). */
export const wireResult = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), value: z.unknown() }),
  failure.extend({ ok: z.literal(false) }),
])

const serverMessage = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    protocol: z.number(),
    /** Program version of the controller. */
    version: z.string(),
    role: z.enum(roles),
    actor: z.string(),
    /** The controller's wall clock, for ages that do not depend on the viewer's clock. */
    at: z.number(),
  }),
  z.object({ type: z.literal('result'), id, result: wireResult }),
  z.object({ type: z.literal('snapshot'), sub: id, revision: z.int(), body: z.unknown() }),
  z.object({ type: z.literal('delta'), sub: id, revision: z.int(), patch: z.unknown() }),
  z.object({ type: z.literal('item'), sub: id, revision: z.int(), body: z.unknown() }),
  z.object({ type: z.literal('ended'), sub: id, failure }),
  z.object({ type: z.literal('beat'), at: z.number() }),
  /** A message that could not be read at all. */
  z.object({ type: z.literal('refused'), failure }),
])
export type ServerMessage = z.infer<typeof serverMessage>
export type Hello = Extract<ServerMessage, { type: 'hello' }>

/** Answer of `GET /session` and `POST /login`. `expiresAt` is null when not logged in. */
export const sessionAnswer = z.object({
  authenticated: z.boolean(),
  role: z.enum(roles),
  actor: z.string(),
  expiresAt: z.number().nullable(),
})
export type SessionAnswer = z.infer<typeof sessionAnswer>
const loginKey = z.string().min(1).max(200)
/** A one-time key; name and password of an account; an invitation with the password that the account shall have. */
export const loginBody = z.union([
  z.strictObject({ key: loginKey }),
  z.strictObject({ name: z.string().min(1).max(200), password: z.string().min(1).max(PASSWORD_LENGTH_MAX) }),
  z.strictObject({ invite: loginKey, password: userPassword }),
])
export type LoginBody = z.infer<typeof loginBody>

export type Decoded<T> = { ok: true; message: T } | { ok: false; failure: Failure }

/** Nesting of a JSON text, counted without parsing it: parsers and schemas recurse, this does not. */
export function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let isString = false
  for (let index = 0; index < text.length; index += 1) {
    const char = text[index]
    if (isString) {
      if (char === '\\') index += 1
      else if (char === '"') isString = false
    } else if (char === '"') isString = true
    else if (char === '{' || char === '[') deepest = Math.max(deepest, (depth += 1))
    else if (char === '}' || char === ']') depth -= 1
  }
  return deepest
}

function decode<T>(schema: z.ZodType<T>, text: string): Decoded<T> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return malformed('not JSON')
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return { ok: true, message: parsed.data }
  const issue = parsed.error.issues[0]
  return malformed(issue ? `${issue.path.join('.') || 'message'}: ${issue.message}` : 'not a message of this protocol')
}

function malformed(why: string): { ok: false; failure: Failure } {
  return { ok: false, failure: { code: 'invalid', message: `The message was not understood: ${why}.` } }
}

/** Reads what a console sent. The caller has limited the length. */
export function decodeClientMessage(text: string): Decoded<ClientMessage> {
  if (depthOf(text) > CONSOLE_DEPTH_MAX) return malformed(`nested deeper than ${CONSOLE_DEPTH_MAX} levels`)
  return decode(clientMessage, text)
}
/** Its nesting is not counted: a console trusts its controller, and the status of a large fleet is megabytes. */
export const decodeServerMessage = (text: string): Decoded<ServerMessage> => decode(serverMessage, text)
export const encode = (message: ClientMessage | ServerMessage): string => JSON.stringify(message)
