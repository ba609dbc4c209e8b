import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import type { PasswordVerifier } from '../../shared/model/documents'
import { HoldfastError } from '../../shared/model/failures'

/**
 * scrypt and not argon2id: Node has both, but the desktop's runtime is built on BoringSSL, which has scrypt alone, and both open the same journal.
 * N = 2^15, r = 8, p = 3 is what OWASP names beside N = 2^17, p = 1: as much work for a guess in 32 MiB instead of 128 MiB.
 */
const COST = { n: 32_768, r: 8, p: 3 } as const
const HASH_BYTES = 32
const SALT_BYTES = 16
/** Computed at once: each takes 32 MiB and a core. */
const AT_ONCE_MAX = 2
export const PASSWORDS_WAITING_MAX = 64

let running = 0
const waiting: (() => void)[] = []

/** Rejects with `busy` when too many wait. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE_MAX) {
    if (waiting.length >= PASSWORDS_WAITING_MAX)
      throw new HoldfastError('busy', 'Too many passwords are being checked.', { retryAfterMs: 5_000 })
    // Whoever ends hands over its place: `running` stays as it is.
    await new Promise<void>((resolve) => waiting.push(resolve))
  } else running += 1
  try {
    return await work()
  } finally {
    const next = waiting.shift()
    if (next) next()
    else running -= 1
  }
}

const derive = (password: string, salt: Buffer, { n, r, p }: { n: number; r: number; p: number }): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const maxmem = 128 * r * (n + p + 2) + 1024 * 1024
    // The same letters may be typed as one character or as two.
    scrypt(password.normalize('NFKC'), salt, HASH_BYTES, { N: n, r, p, maxmem }, (error, key) =>
      error ? reject(error) : resolve(key),
    )
  })

export async function passwordVerifierOf(password: string): Promise<PasswordVerifier> {
  const salt = randomBytes(SALT_BYTES)
  const hash = await inTurn(() => derive(password, salt, COST))
  return { algorithm: 'scrypt', ...COST, salt: salt.toString('base64'), hash: hash.toString('base64') }
}

/** For names that nobody has: takes as long, and no password fits. */
const nobody: PasswordVerifier = {
  ...{ algorithm: 'scrypt', ...COST },
  salt: Buffer.alloc(SALT_BYTES).toString('base64'),
  hash: Buffer.alloc(HASH_BYTES).toString('base64'),
}

/** `verifier` null: there is none to compare with, which takes the same time. */
export async function passwordFits(password: string, verifier: PasswordVerifier | null): Promise<boolean> {
  const against = verifier ?? nobody
  const expected = Buffer.from(against.hash, 'base64')
  const found = await inTurn(() => derive(password, Buffer.from(against.salt, 'base64'), against))
  return expected.length === found.length && timingSafeEqual(expected, found) && verifier !== null
}
