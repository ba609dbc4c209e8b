import { randomBytes } from 'node:crypto'
import type { Random } from './ports'

/** Chance from the operating system. */
export function systemRandom(): Random {
  return {
    fraction: () => Math.random(),
    bytes: (count) => new Uint8Array(randomBytes(count)),
    id: () => uuidV7(Date.now(), randomBytes(10)),
  }
}

/** RFC 9562: 48 bits of epoch ms, then 74 random bits (`chance`: 10 bytes). */
export function uuidV7(atMs: number, chance: Uint8Array): string {
  const bytes = Buffer.alloc(16)
  bytes.writeUIntBE(atMs, 0, 6)
  bytes.set(chance.subarray(0, 10), 6)
  bytes[6] = (bytes[6]! & 0x0f) | 0x70
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
