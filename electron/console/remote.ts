import { CONSOLE_PATH } from '../../shared/console/protocol'
import type { PortGuest, PortPlace } from '../platform/ports'
import { remoteDoor, type Door } from './door'
import { remoteGuard } from './guard'
import { answerAt, HEALTH_PATH, type ConsoleHttpOptions } from './http'
import type { ConsoleSockets } from './sockets'

const doorAt = (place: PortPlace): Door =>
  remoteDoor(
    place.port,
    remoteGuard((host) => place.bears(host)),
  )

/** Whether this controller is well, for anybody: as a guest at a port with TLS that has no console. */
export function remoteHealth(http: ConsoleHttpOptions): PortGuest {
  return {
    owns: (path, isUpgrade) => !isUpgrade && path === HEALTH_PATH,
    request: (request, response, place) => answerAt(http, doorAt(place), request, response),
    upgrade: (_, socket) => socket.destroy(),
  }
}

/** The console for browsers of other machines, as a guest at a port with TLS. It owns every path, so other guests come before it. */
export function remoteConsole(http: ConsoleHttpOptions, sockets: ConsoleSockets): PortGuest {
  return {
    owns: (path, isUpgrade) => !isUpgrade || path === CONSOLE_PATH,
    request: (request, response, place) => answerAt(http, doorAt(place), request, response),
    upgrade: (request, socket, head, place) => sockets.upgrade(doorAt(place), request, socket, head),
  }
}
