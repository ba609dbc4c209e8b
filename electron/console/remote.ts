import { CONSOLE_PATH } from '../../shared/console/protocol'
import type { PortGuest, PortPlace } from '../platform/ports'
import { remoteDoor, type Door } from './door'
import { remoteGuard } from './guard'
import { answerAt, type ConsoleHttpOptions } from './http'
import type { ConsoleSockets } from './sockets'

/** The console for browsers of other machines, as a guest at a port with TLS. It owns every path, so other guests come before it. */
export function remoteConsole(http: ConsoleHttpOptions, sockets: ConsoleSockets): PortGuest {
  const doorAt = (place: PortPlace): Door =>
    remoteDoor(
      place.port,
      remoteGuard((host) => place.bears(host)),
    )
  return {
    owns: (path, isUpgrade) => !isUpgrade || path === CONSOLE_PATH,
    request: (request, response, place) => answerAt(http, doorAt(place), request, response),
    upgrade: (request, socket, head, place) => sockets.upgrade(doorAt(place), request, socket, head),
  }
}
