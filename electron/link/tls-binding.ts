import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'

const EXPORTER = 'EXPORTER-Channel-Binding'
const EXPORTER_BYTES = 32

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

/** The value that only the two ends of this TLS session know (RFC 9266); null in a runtime that does not give it. */
export function exporterOf(socket: TLSSocket): Buffer | null {
  if (typeof socket.exportKeyingMaterial !== 'function') return null
  return socket.exportKeyingMaterial(EXPORTER_BYTES, EXPORTER, Buffer.alloc(0))
}
