import type { IncomingMessage } from 'node:http'
import type { Guard } from '../platform/http/guard'

/** Where somebody came in: `local` over loopback, `remote` over TLS from another machine. A session counts at its own door alone. */
export type DoorKind = 'local' | 'remote'

/** Where an attempt to sign in comes from. */
export interface From {
  readonly door: DoorKind
  readonly address: string
}

/** One way to the console over HTTP. */
export interface Door {
  readonly kind: DoorKind
  readonly guard: Guard
  readonly cookieName: string
  /** Behind `HttpOnly; SameSite=Strict; Path=/`. */
  readonly cookieFlags: string
}

/** Cookies know no port: two controllers of one machine would log each other's consoles out. */
export const localDoor = (port: number, guard: Guard): Door => ({
  ...{ kind: 'local', guard, cookieName: `holdfast-${port}`, cookieFlags: '' },
})

/** `__Host-`: a page of the same host without TLS can neither read the cookie nor put another in its place. */
export const remoteDoor = (port: number, guard: Guard): Door => ({
  ...{ kind: 'remote', guard, cookieName: `__Host-holdfast-${port}`, cookieFlags: '; Secure' },
})

export const fromOf = (door: Door, request: IncomingMessage): From => ({
  door: door.kind,
  address: request.socket.remoteAddress ?? '',
})
